/** What a Redis must be like for tasks to be safe in it, asked once at the start. */
import { misconfigured } from "./errors.ts";

/** Script flags, which let acks work at maxmemory, came with it. */
const MIN_MAJOR_VERSION = 7;

/** Throws `failed_precondition` for a server that would lose data; answers what is only risky. */
export function checkServer(info: ReadonlyMap<string, string>): string[] {
  const version = info.get("redis_version") ?? "";
  if (Number.parseInt(version, 10) < MIN_MAJOR_VERSION) {
    throw misconfigured(
      `Redis ${version} is too old; use Redis ${MIN_MAJOR_VERSION}.0 or newer, or Valkey`,
    );
  }
  if (info.get("role") === "slave") {
    throw misconfigured("REDIS_URL names a replica; it must name the primary");
  }
  const warnings: string[] = [];
  const policy = info.get("maxmemory_policy");
  if (policy === undefined) {
    warnings.push(
      "Redis does not tell its maxmemory-policy; it must be noeviction, or tasks get lost",
    );
  } else if (policy !== "noeviction") {
    throw misconfigured(
      `Redis would delete tasks to free memory: its maxmemory-policy is ${policy}; ` +
        "set maxmemory-policy noeviction, in redis.conf or by CONFIG SET",
    );
  }
  if (info.get("aof_enabled") === "0") {
    warnings.push(
      "Redis keeps no append-only file: what it holds is lost when it stops; set appendonly yes",
    );
  }
  return warnings;
}

export function fieldsOf(info: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of info.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}
