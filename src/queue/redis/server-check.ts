/** Whether a server can keep what it is given, asked once at the start. */
import { AgentlaneError } from "../../errors.ts";
import type { Connection } from "./connection.ts";
import { asText } from "./frames.ts";

/** Script flags, which let acks work at maxmemory, came with it. */
const MIN_MAJOR_VERSION = 7;

/** Throws `failed_precondition` for a server that would lose data; answers what is only risky. */
export async function checkServer(connection: Connection): Promise<string[]> {
  const info = fieldsOf(asText(await connection.call("INFO")));
  const version = info.get("redis_version") ?? "";
  if (Number.parseInt(version, 10) < MIN_MAJOR_VERSION) {
    throw refused(
      "REDIS_TOO_OLD",
      `Redis ${version} is too old; use Redis ${MIN_MAJOR_VERSION}.0 or newer, or Valkey`,
    );
  }
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (policy !== "noeviction") {
    throw refused(
      "REDIS_EVICTS",
      `Redis may drop tasks: its maxmemory-policy is ${policy}; set maxmemory-policy noeviction`,
    );
  }
  if (info.get("aof_enabled") === "1") return [];
  return [
    "Redis keeps no append-only file: what it holds is lost when it stops; set appendonly yes",
  ];
}

function fieldsOf(info: string): Map<string, string> {
  return new Map(
    info.split(/\r?\n/).map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

function refused(reason: string, message: string): AgentlaneError {
  return new AgentlaneError("failed_precondition", reason, message);
}
