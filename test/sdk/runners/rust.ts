/** One SDK, one runner: the program of the crate in sdk/rust/scenarios. */
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Runner } from "../runner.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Cargo, with the versions of the lock file, in the one target folder that everything shares. */
export async function cargo(...args: string[]): Promise<string> {
  const [command = "", ...rest] = args;
  const fixed = ["--quiet", "--locked", "--manifest-path", "Cargo.toml", "--target-dir", "target"];
  const { stdout } = await promisify(execFile)("cargo", [command, ...fixed, ...rest], {
    cwd: `${ROOT}/sdk/rust`,
    maxBuffer: 2 ** 26,
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
      await cargo("build", "--package", "agentlane-scenarios");
    },
    command: ["sdk/rust/target/debug/agentlane-scenarios"],
  },
];
