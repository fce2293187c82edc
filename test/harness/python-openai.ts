/** Python with OpenAI's official package, installed once into the user's cache. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const VERSION = "3.54.0";
const run = promisify(execFile);

/** Runs a program with its arguments; resolves with what it printed. */
export type Python = (...args: string[]) => Promise<string>;

/** Undefined, and one line that says so, where Python or pip is missing; in CI that is an error. */
export async function pythonWithOpenAI(): Promise<Python | undefined> {
  try {
    const folder = await installed();
    return async (...args) => {
      const env = { PATH: process.env.PATH, HOME: process.env.HOME, PYTHONPATH: folder };
      return (await run("python3", args, { env })).stdout;
    };
  } catch (error) {
    if (process.env.CI === "true") throw error;
    console.warn("skipped: python3 with pip is missing, or cannot install openai");
    return undefined;
  }
}

async function installed(): Promise<string> {
  const tag = "import sys; print(sys.implementation.cache_tag)";
  const python = (await run("python3", ["-c", tag])).stdout.trim();
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "agentlane");
  const folder = join(cache, `openai-${VERSION}-${python}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(`${folder}.`);
  const quiet = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
  try {
    await run("python3", [
      "-m",
      "pip",
      "install",
      ...quiet,
      "--target",
      fresh,
      `openai==${VERSION}`,
    ]);
    // In one step: two tests may do this at a time.
    if (!existsSync(folder)) renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}
