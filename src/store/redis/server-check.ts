/** What a Redis must be like for tasks to be safe in it. */
import type { Connection } from "./connection.ts";
import { misconfigured } from "./errors.ts";
import { text } from "./reply.ts";

/** The first whose scripts replicate effects only, and that has all commands the scripts use. */
const OLDEST = [6, 2] as const;

export async function checkServer(
  connection: Connection,
  onWarning: (message: string) => void,
): Promise<void> {
  const info = fieldsOf(text(await connection.send("info", [])));
  const version = info.get("redis_version") ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw misconfigured(`Redis ${OLDEST.join(".")} or later is needed; REDIS_URL is ${version}`);
  }
  const policy = info.get("maxmemory_policy");
  if (policy === undefined) {
    onWarning("Redis does not tell its maxmemory-policy; it must be noeviction, or tasks get lost");
  } else if (policy !== "noeviction") {
    throw misconfigured(
      `Redis would delete tasks to free memory: its maxmemory-policy is ${policy}; ` +
        "set `maxmemory-policy noeviction` in redis.conf or by CONFIG SET",
    );
  }
  if (info.get("aof_enabled") === "0") {
    onWarning("Redis keeps no append-only file: a restart of it loses tasks; set `appendonly yes`");
  }
  if (info.get("role") === "slave") {
    throw misconfigured("REDIS_URL names a replica; it must name the primary");
  }
}

function fieldsOf(info: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of info.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}
