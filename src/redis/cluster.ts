/**
 * Redis Cluster: all keys of an installation have one hash tag, so they live in one slot, on one node.
 * Whatever node the URL names, that one is looked up and connected to.
 */
import type { Redis } from "ioredis";
import { unavailable } from "./errors.ts";
import { list, number, text } from "./reply.ts";
import { fieldsOf } from "./server-check.ts";

/** The URL of the node that holds the key, which is `url` itself where there is no cluster. */
export async function homeOf(client: Redis, url: string, key: string): Promise<string> {
  const info = fieldsOf(text(await client.callBuffer("info", "cluster")));
  if (info.get("cluster_enabled") !== "1") return url;
  const slot = number(await client.callBuffer("cluster", "keyslot", key));
  const myId = text(await client.callBuffer("cluster", "myid"));
  for (const range of list(await client.callBuffer("cluster", "slots"))) {
    const [from, to, primary] = list(range);
    if (slot < number(from) || slot > number(to)) continue;
    const [host, port, id] = list(primary);
    return text(id) === myId ? url : withHost(url, text(host), number(port));
  }
  throw unavailable("no node of the Redis cluster holds our keys now");
}

/** User, password and TLS are those of the URL. */
function withHost(url: string, host: string, port: number): string {
  const home = new URL(url);
  home.hostname = host.includes(":") ? `[${host}]` : host;
  home.port = `${port}`;
  return home.href;
}
