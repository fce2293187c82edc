/**
 * `npm run sbom`: what the installed program consists of, as CycloneDX on standard output; from the
 * lock file alone, without the tools of its development.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readLock, shippedPackages } from "./licenses.ts";

export interface Bom {
  readonly bomFormat: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Component {
  readonly name: string;
  readonly version: string;
  readonly "bom-ref": string;
  readonly purl: string;
}

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * npm takes the folder's name for the program's, and its `--omit dev` also leaves out what a tool of
 * the development needs too (npm 11.19: 64 of 193 packages are left): ours are picked here.
 */
export function softwareBom(): Bom {
  const text = execFileSync(
    "npm",
    ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application", "--package-lock-only"],
    { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
  const { name } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
  const bom: Bom = JSON.parse(text);
  const shipped = new Set(
    shippedPackages(readLock()).map((each) => `${each.name}@${each.version}`),
  );
  const components = bom.components.filter((part) => shipped.has(purlName(part)));
  const program = { ...bom.metadata.component, name };
  const refs = new Set([program, ...components].map((part) => part["bom-ref"]));
  const dependencies = bom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map((each) => ({ ...each, dependsOn: each.dependsOn.filter((ref) => refs.has(ref)) }));
  return {
    ...bom,
    metadata: { ...bom.metadata, component: program },
    components,
    dependencies,
  };
}

/** `name@version`; a component's `name` is a folder's. */
function purlName({ purl }: Component): string {
  return decodeURIComponent(purl.replace(/^pkg:npm\//, "").replace(/[?#].*$/, ""));
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(softwareBom(), null, 2)}\n`);
