/** The virtual environment of the Python SDK: its dependencies, and what generates and tests it. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export const pythonSdk = join(root, "sdk/python");
export const python = join(pythonSdk, ".venv/bin/python");

/** What is missing, for people; undefined where it can be used. */
export function missingPython(): string | undefined {
  const { status, stderr } = spawnSync(python, ["tools/environment.py"], { cwd: pythonSdk });
  if (status === 0) return undefined;
  const reason = stderr?.toString().trim() || "there is none";
  return `its virtual environment (sdk/python/README.md): ${reason}`;
}
