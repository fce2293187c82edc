/** Built once into an ignored folder: `go run` would be asked to link for every process. */
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Runner } from "../runner.ts";

const FOLDER = fileURLToPath(new URL("../../../sdk/go/scenarios/", import.meta.url));

/** What `go` needs here and everywhere; a checkout may be nobody's. */
export function missingGo(): string | undefined {
  const { status, error } = spawnSync("go", ["version"], { cwd: FOLDER });
  return error || status !== 0 ? "there is no working go" : undefined;
}

export const runners: readonly Runner[] = [
  {
    language: "go",
    name: "go",
    missing: missingGo,
    async prepare() {
      await promisify(execFile)(
        "go",
        ["build", "-buildvcs=false", "-o", "../.cache/scenarios", "."],
        { cwd: FOLDER },
      );
    },
    command: ["sdk/go/.cache/scenarios"],
  },
];
