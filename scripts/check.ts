/**
 * `npm run check`: everything that can be said about the code without running it. A line per step;
 * all steps run, and any that fails makes the exit code 1. `--only NAME` runs one.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkArchitecture, type SourceFile, type Violation } from "./architecture.ts";
import { buildConsole, consoleBytes, MAX_BYTES } from "./build-console.ts";
import { generate, templates } from "./generate.ts";
import { checkHygiene, checkLock } from "./hygiene.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Step {
  readonly name: string;
  /** Answers what to add to the line; throws Problem with what is wrong. */
  run(): Promise<string>;
}

class Problem extends Error {}

const steps: readonly Step[] = [
  { name: "types", run: () => tool("tsc", "-p", ".") },
  { name: "types of the console", run: () => tool("tsc", "-p", "src/console") },
  { name: "lint and format", run: () => tool("biome", "check", "--error-on-warnings", ".") },
  { name: "proto lint", run: () => tool("buf", "lint") },
  {
    name: "proto format",
    run: () => tool("buf", "format", "-d", "--exit-code", "--path", "proto/agentlane"),
  },
  { name: "proto breaking", run: checkBreaking },
  { name: "generated code", run: checkGenerated },
  {
    name: "architecture",
    run: () => checkFiles((files) => checkArchitecture(files.filter(isOurs))),
  },
  { name: "no secrets or paths", run: () => checkFiles(checkHygiene) },
  { name: "size of the console", run: checkConsoleSize },
  { name: "lock file", run: checkLockFile },
];

function isOurs(file: SourceFile): boolean {
  return /\.tsx?$/.test(file.path) && !/(^|\/)gen\//.test(file.path);
}

/** Runs a tool of node_modules; its output is the problem when it fails. */
function tool(name: string, ...args: string[]): Promise<string> {
  const bin = join(root, "node_modules", ".bin");
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` };
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { cwd: root, env });
    const output: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
    child.on("error", (error) => reject(new Problem(`${name}: ${error.message}`)));
    child.on("close", (code) => {
      if (code === 0) resolve("");
      else
        reject(new Problem(Buffer.concat(output).toString("utf8").trim() || `exit code ${code}`));
    });
  });
}

function git(...args: string[]): string {
  return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: "pipe" }).trim();
}

function commitOf(ref: string): string | undefined {
  try {
    return git("rev-parse", "--verify", "--quiet", `${ref}^{commit}`);
  } catch {
    return undefined;
  }
}

/**
 * The contract must stay compatible with main (origin/main where there is one, so that a stale or
 * absent local branch does not matter) and with the last release reachable from here. A shallow or
 * detached checkout has neither; then the commit that is checked out is the base.
 */
async function checkBreaking(): Promise<string> {
  const main = ["origin/main", "main", "HEAD"].find((ref) => commitOf(ref) !== undefined);
  if (main === undefined) return "no commit to compare with";
  const tags = git("tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname");
  const bases = [main, ...tags.split("\n").filter(Boolean).slice(0, 1)];
  for (const base of bases) {
    await inTemporaryFolder(async (folder) => {
      const archive = execFileSync("git", ["archive", base, "proto", "buf.yaml"], {
        cwd: root,
        maxBuffer: 2 ** 28,
      });
      execFileSync("tar", ["-x", "-C", folder], { input: archive });
      await tool("buf", "breaking", "--against", folder);
    });
  }
  return `against ${bases.join(" and ")}`;
}

/** `npm run gen` would change nothing. */
function checkGenerated(): Promise<string> {
  return inTemporaryFolder(async (folder) => {
    const skipped: string[] = [];
    const differing: string[] = [];
    let fileCount = 0;
    for (const template of templates((line) => skipped.push(line))) {
      try {
        generate(template, folder);
      } catch (error) {
        throw new Problem(`${template.path}: ${error instanceof Error ? error.message : error}`);
      }
      for (const out of template.folders) {
        const wanted = readTree(join(folder, out));
        const present = readTree(join(root, out));
        fileCount += present.size;
        const names = new Set([...wanted.keys(), ...present.keys()]);
        const stale = [...names].filter((path) => wanted.get(path) !== present.get(path));
        differing.push(...stale.map((path) => `${out}/${path}`));
      }
    }
    if (differing.length > 0) {
      throw new Problem(`run "npm run gen"; not up to date:\n${differing.sort().join("\n")}`);
    }
    return [`${fileCount} files`, ...skipped].join("; ");
  });
}

/** What a browser loads stays small; the limit is part of the console's promise. */
function checkConsoleSize(): Promise<string> {
  return inTemporaryFolder(async (folder) => {
    const built = join(folder, "console");
    await buildConsole(built);
    const bytes = consoleBytes(built);
    if (bytes > MAX_BYTES) {
      throw new Problem(`the console has ${bytes} bytes gzipped; ${MAX_BYTES} are the limit`);
    }
    return `${bytes} of ${MAX_BYTES} bytes gzipped`;
  });
}

async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-check-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Without what Python keeps beside its modules. */
function readTree(folder: string): Map<string, string> {
  if (!existsSync(folder)) return new Map();
  return new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith(".pyc"))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length + 1), readFileSync(path, "utf8")]),
  );
}

/** Tracked files and those about to be. */
async function checkFiles(check: (files: SourceFile[]) => Violation[]): Promise<string> {
  const files = git("ls-files", "--cached", "--others", "--exclude-standard")
    .split("\n")
    .filter((path) => existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
  const violations = check(files);
  if (violations.length > 0) {
    throw new Problem(violations.map((v) => `${v.path}:${v.line}: ${v.message}`).join("\n"));
  }
  return `${files.length} files`;
}

async function checkLockFile(): Promise<string> {
  const read = (name: string) => JSON.parse(readFileSync(join(root, name), "utf8"));
  const problems = checkLock(read("package.json"), read("package-lock.json"));
  if (problems.length > 0) throw new Problem(problems.join("\n"));
  return "";
}

async function main(): Promise<void> {
  const only = process.argv[2] === "--only" ? process.argv[3] : undefined;
  const failed: string[] = [];
  for (const step of steps.filter(({ name }) => only === undefined || name === only)) {
    const startedAt = performance.now();
    let line: string;
    try {
      line = `ok    ${step.name} ${await step.run()}`;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failed.push(step.name);
      line = `FAIL  ${step.name}\n${error.message.replace(/^/gm, "      ")}\n     `;
    }
    console.log(`${line.trimEnd()} (${Math.round(performance.now() - startedAt)} ms)`);
  }
  if (failed.length > 0) {
    console.log(`\n${failed.length} failed: ${failed.join(", ")}`);
    process.exitCode = 1;
  }
}

await main();
