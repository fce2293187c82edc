/** The Go SDK; its runner is built once, into a folder that git ignores. */
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Runner } from "../runner.ts";

const FOLDER = fileURLToPath(new URL("../../../sdk/go/scenarios/", import.meta.url));

/** A Go that is too old for the module, and cannot fetch a newer one, does not count. */
export function missingGo(): string | undefined {
  const { error, status, stderr } = spawnSync("go", ["list", "-m"], {
    cwd: FOLDER,
    encoding: "utf8",
  });
  if (error) return "there is no go";
  return status === 0 ? undefined : `go does not work: ${stderr.trim()}`;
}

export const runners: readonly Runner[] = [
  {
    language: "go",
    name: "go",
    missing: missingGo,
    async prepare() {
      const build = ["build", "-buildvcs=false", "-o", "../.cache/scenarios", "."];
      await promisify(execFile)("go", build, { cwd: FOLDER });
    },
    command: ["sdk/go/.cache/scenarios"],
  },
];
