/** One Redis with an append-only file for queue, bus and store. */
import { setTimeout as after } from "node:timers/promises";
import { startTcpProxy } from "../../fakes/tcp-proxy.ts";
import { type RedisServer, startRedis } from "../../harness/redis-server.ts";
import type { SeededRandom } from "../random.ts";
import { between } from "../random.ts";
import type { Backend, BackendFault, RunningBackend } from "./contract.ts";

const PREFIX = "faults";
const ROOT = `{${PREFIX}}`;
const QUEUE = "agent.tasks";

export const redisBackend: Backend = {
  name: "redis",
  layout: "spread",
  isRemote: true,
  faultKinds: ["redis-restart", "client-kill", "debug-sleep", "maxmemory"],
  start,
};

async function start(): Promise<RunningBackend> {
  const redis = await startRedis({ aof: true });
  const proxy = await startTcpProxy(redis.port);
  return {
    environment: (isProxied) => ({
      MESSAGE_QUEUE_TYPE: "redis",
      REDIS_URL: isProxied ? `redis://127.0.0.1:${proxy.port}` : redis.url,
      REDIS_KEY_PREFIX: PREFIX,
    }),
    proxies: [proxy],
    faults: faultsOf(redis),
    leftovers: () => leftovers(redis),
    async stop() {
      await proxy.stop();
      await redis.stop();
    },
  };
}

function faultsOf(redis: RedisServer): Record<string, BackendFault> {
  return {
    "redis-restart": { isOutage: true, inject: (chance) => restart(redis, chance) },
    "client-kill": { isOutage: false, inject: async () => void (await redis.killClients()) },
    "debug-sleep": { isOutage: true, inject: (chance) => sleep(redis, chance) },
    maxmemory: { isOutage: true, inject: (chance) => fillMemory(redis, chance) },
  };
}

async function restart(redis: RedisServer, chance: SeededRandom): Promise<void> {
  await redis.kill();
  await after(between(chance, 0, 1500));
  await redis.start();
}

async function sleep(redis: RedisServer, chance: SeededRandom): Promise<void> {
  await redis.command("DEBUG", "SLEEP", between(chance, 0.5, 3).toFixed(1));
}

async function fillMemory(redis: RedisServer, chance: SeededRandom): Promise<void> {
  await redis.command("CONFIG", "SET", "maxmemory", "1mb");
  await after(between(chance, 500, 2500));
  await redis.command("CONFIG", "SET", "maxmemory", "0");
}

async function leftovers(redis: RedisServer): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const name of ["leases", "unpublished", "due"]) {
    counts.set(name, Number(await redis.command("ZCARD", `${ROOT}:${name}`)));
  }
  const fields = ["w1", "w2", "w3", "w4", "u"];
  const waiting = await redis.command("HMGET", `${ROOT}:mq:counts:${QUEUE}`, ...fields);
  const numbers = Array.isArray(waiting) ? waiting.map(Number) : [];
  counts.set(
    "messages",
    numbers.reduce((sum, count) => sum + count, 0),
  );
  counts.set("ready", Number(await redis.command("ZCARD", `${ROOT}:qr:${QUEUE}`)));
  return counts;
}
