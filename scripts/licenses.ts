/** `npm run licenses`: what the program is shipped with, and under which licenses. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** SPDX names of licenses that ask for no more than that they are told. */
const ALLOWED: ReadonlySet<string> = new Set([
  ...["0BSD", "Apache-2.0", "BlueOak-1.0.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"],
]);

interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

export interface Licensed {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression; empty = none is declared. */
  readonly license: string;
}

/** Packages of an installation without the tools of its development, by name. */
export function shippedPackages(lock: {
  readonly packages: Readonly<Record<string, LockEntry>>;
}): Licensed[] {
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path && !entry.dev && !entry.optional && !entry.devOptional)
    .map(([path, { version = "", license = "" }]) => ({
      name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
      version,
      license,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Of an expression with AND every license has to be allowed, of one with OR a single one. */
export function isAllowed(license: string): boolean {
  const names = license.replace(/[()]/g, "").split(/ (AND|OR) /);
  const all = names.filter((_, index) => index % 2 === 0);
  const isChoice = names.includes("OR");
  if (isChoice && names.includes("AND")) return false;
  return isChoice ? all.some((name) => ALLOWED.has(name)) : all.every((name) => ALLOWED.has(name));
}

export function readLock(): { readonly packages: Readonly<Record<string, LockEntry>> } {
  return JSON.parse(
    readFileSync(fileURLToPath(new URL("../package-lock.json", import.meta.url)), "utf8"),
  );
}

function main(): void {
  const packages = shippedPackages(readLock());
  for (const { name, version, license } of packages) {
    process.stdout.write(`${license.padEnd(32)} ${name}@${version}\n`);
  }
  const bad = packages.filter(({ license }) => !isAllowed(license));
  for (const { name, license } of bad) {
    process.stderr.write(`${name}: "${license}" is not among the allowed licenses\n`);
  }
  process.exitCode = bad.length > 0 ? 1 : 0;
}

if (import.meta.main) main();
