/** One SDK, one runner: the program of the crate in sdk/rust/scenarios. */
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Runner } from "../runner.ts";

const SDK = fileURLToPath(new URL("../../../sdk/rust", import.meta.url));

/** With the versions of the lock file, in the one target folder that everything shares. */
const FIXED = ["--quiet", "--locked", "--target-dir", "target"];

/** Nobody debugs what is built here, or builds it a second time after a change. */
const LEAN = { CARGO_PROFILE_DEV_DEBUG: "0", CARGO_INCREMENTAL: "0" };

/** Runs one of cargo's commands; answers what it printed. */
export async function cargo(
  [command = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const all = [command, ...(command === "fmt" ? [] : FIXED), ...args];
  const options = { cwd: SDK, env: { ...process.env, ...LEAN, ...env }, maxBuffer: 2 ** 26 };
  const { stdout } = await promisify(execFile)("cargo", all, options).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });
  return stdout;
}

export function missingCargo(): string | undefined {
  const { status } = spawnSync("cargo", ["--version"]);
  return status === 0 ? undefined : "cargo is missing";
}

export const runners: readonly Runner[] = [
  {
    language: "rust",
    name: "rust",
    missing: missingCargo,
    async prepare() {
      await cargo(["build", "--package", "agentlane-scenarios"]);
    },
    command: ["sdk/rust/target/debug/agentlane-scenarios"],
  },
];
