/** What must not be in a tracked file, and what a lock file must have. */
import type { SourceFile, Violation } from "./architecture.ts";

const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/(^|[\s"'`=(])\/(home|Users)\/[a-z][\w-]*\//, "a path of somebody's machine"],
  [/(^|[\s"'`=(])\/(root|work)\/[\w.-]+/, "a path of somebody's machine"],
  [/\b[A-Z]:\\Users\\/, "a path of somebody's machine"],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----\s*\n/, "a private key"],
  [/\bAKIA[0-9A-Z]{16}\b/, "an AWS access key"],
  [/\bsk-(proj-|ant-)?[A-Za-z0-9_-]{32,}/, "an API key"],
  [/\bgh[pousr]_[A-Za-z0-9]{36,}\b/, "a GitHub token"],
  [/_authToken\s*=/, "a registry credential"],
  [/"resolved": "https?:\/\/(?!registry\.npmjs\.org\/)/, "a registry other than the public one"],
];

/** Text files that carry what only one machine, or nobody, may know. */
export function checkHygiene(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, text }) =>
    FORBIDDEN.flatMap(([pattern, what]) => {
      const match = pattern.exec(text);
      if (!match) return [];
      return [{ path, line: text.slice(0, match.index).split("\n").length, message: what }];
    }),
  );
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<Record<string, Manifest>>;
}

/**
 * Exact versions, equal to the lock's, and no optional package dropped from the lock: npm omits
 * those its registry lacks without a word, and then `npm ci` fails where `npm install` works.
 */
export function checkLock(manifest: Manifest, lock: Lock): string[] {
  const problems: string[] = [];
  const root = lock.packages[""] ?? {};
  for (const kind of ["dependencies", "devDependencies", "optionalDependencies"] as const) {
    for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
      if (!/^\d/.test(version)) problems.push(`${name}@${version}: not an exact version`);
      if (root[kind]?.[name] !== version) problems.push(`${name}: package-lock.json is behind`);
    }
  }
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      if (!resolve(lock, path, name)) problems.push(`${path || "."}: ${name} is not in the lock`);
    }
  }
  return problems;
}

/** Node's lookup: in the package's own node_modules, then in those of the folders above. */
function resolve(lock: Lock, from: string, name: string): boolean {
  let folder = from;
  for (;;) {
    const prefix = folder === "" ? "" : `${folder}/`;
    if (lock.packages[`${prefix}node_modules/${name}`]) return true;
    if (folder === "") return false;
    const above = folder.lastIndexOf("/node_modules/");
    folder = above < 0 ? "" : folder.slice(0, above);
  }
}
