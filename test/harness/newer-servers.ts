/** The servers of Debian 13, which scripts/debian-13.sh puts into a folder of their own. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface NewerServers {
  readonly script: string;
  /** The script's own default depends on HOME, which a server may have of its own. */
  readonly root: string;
}

/** Installs them when they are not there yet, which takes minutes. */
export function newerServers(): NewerServers {
  const script = fileURLToPath(new URL("../../scripts/debian-13.sh", import.meta.url));
  const stdio: ("ignore" | "pipe" | "inherit")[] = ["ignore", "pipe", "inherit"];
  return { script, root: execFileSync(script, ["install"], { encoding: "utf8", stdio }).trim() };
}
