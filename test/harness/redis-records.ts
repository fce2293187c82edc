/** All keys of an installation in Redis, with their values. */
import type { RedisServer } from "./redis-server.ts";

/** Of what no tenant's data is in: queues' figures, the counter of accepts, a test's clock. */
const FIGURES = /^(q:|queues$|order$|clock-shift$)/;
/** Of the queue, which drops the doorbells of what is gone when it hands them out. */
const QUEUE = /^mq:/;

const READ: Readonly<Record<string, readonly string[]>> = {
  string: ["GET"],
  hash: ["HGETALL"],
  list: ["LRANGE", "0", "-1"],
  set: ["SMEMBERS"],
  zset: ["ZRANGE", "0", "-1", "WITHSCORES"],
};

/** `root`: what all their names begin with. */
export async function recordsOf(
  server: Pick<RedisServer, "command">,
  root: string,
): Promise<string[]> {
  const keys = (await server.command("KEYS", `${root}*`)) as string[];
  const lines: string[] = [];
  for (const key of keys) {
    const name = key.slice(root.length);
    if (QUEUE.test(name)) continue;
    const type = String(await server.command("TYPE", key));
    const [command = "", ...rest] = READ[type] ?? [];
    const value = await server.command(command, key, ...rest);
    const label = FIGURES.test(name) ? "figures" : "key";
    // Of a collection each member is a record: those of others stand beside it.
    const members = type === "zset" ? pairs(value) : type === "hash" ? [value] : [value].flat();
    for (const member of members) lines.push(`${label} ${name} ${JSON.stringify(member)}`);
  }
  return lines;
}

function pairs(value: unknown): unknown[] {
  const flat = value as unknown[];
  return flat.flatMap((member, index) => (index % 2 === 0 ? [[member, flat[index + 1]]] : []));
}
