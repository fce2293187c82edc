/** RabbitMQ for queue and bus, one Redis with an append-only file for the store. */
import { setTimeout as after } from "node:timers/promises";
import { startTcpProxy } from "../../fakes/tcp-proxy.ts";
import { type RabbitServer, startRabbit } from "../../harness/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../../harness/redis-server.ts";
import { between, type SeededRandom } from "../random.ts";
import type { Backend, BackendFault, RunningBackend } from "./contract.ts";

const PREFIX = "faults";
const ROOT = `{${PREFIX}}`;
const QUEUE = "agent.tasks";
const LEVELS = ["low", "normal", "high", "urgent"];
/** More than free on any disk. */
const IMPOSSIBLE_DISK = '["900000GB"]';
const USUAL_DISK = '["1MB"]';

/** RabbitMQ 3.10 loses a quorum queue for good that is younger when the broker is killed. */
const SETTLED_MS = 3000;

export const rabbitmqBackend: Backend = {
  name: "rabbitmq-redis",
  layout: "spread",
  isRemote: true,
  faultKinds: [
    "close-connections",
    "stop-app",
    "queue-deleted",
    "broker-flushed",
    "blocked",
    "rabbitmq-restart",
  ],
  start,
};

async function start(): Promise<RunningBackend> {
  const [rabbit, redis] = await Promise.all([
    // No running task may depend on it: a doorbell is acked once its task is claimed.
    startRabbit({ settings: ["{consumer_timeout, 60000}", "{channel_tick_interval, 5000}"] }),
    startRedis({ aof: true }),
  ]);
  const proxies = await Promise.all([startTcpProxy(rabbit.port), startTcpProxy(redis.port)]);
  const [queueProxy, storeProxy] = proxies;
  return {
    environment: (isProxied) => ({
      MESSAGE_QUEUE_TYPE: "rabbitmq",
      RABBITMQ_URL: isProxied ? `amqp://127.0.0.1:${queueProxy.port}` : rabbit.url,
      RABBITMQ_PREFIX: PREFIX,
      STORE_URL: isProxied ? `redis://127.0.0.1:${storeProxy.port}` : redis.url,
      REDIS_KEY_PREFIX: PREFIX,
    }),
    proxies,
    faults: faultsOf(rabbit),
    leftovers: () => leftovers(rabbit, redis),
    async stop() {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await Promise.all([rabbit.stop(), redis.stop()]);
    },
  };
}

function faultsOf(rabbit: RabbitServer): Record<string, BackendFault> {
  return {
    "close-connections": { isOutage: false, inject: () => rabbit.closeConnections() },
    "stop-app": { isOutage: true, inject: (chance) => stopApp(rabbit, chance) },
    "queue-deleted": { isOutage: false, inject: (chance) => deleteQueue(rabbit, chance) },
    "broker-flushed": { isOutage: false, inject: () => rabbit.drop(`${PREFIX}.`) },
    blocked: { isOutage: false, inject: (chance) => block(rabbit, chance) },
    "rabbitmq-restart": { isOutage: true, inject: (chance) => restart(rabbit, chance) },
  };
}

async function stopApp(rabbit: RabbitServer, chance: SeededRandom): Promise<void> {
  await rabbit.call("rabbit", "stop");
  await after(between(chance, 0, 1500));
  await rabbit.call("rabbit", "start");
}

async function deleteQueue(rabbit: RabbitServer, chance: SeededRandom): Promise<void> {
  const level = LEVELS[Math.floor(between(chance, 0, LEVELS.length))] ?? "normal";
  await rabbit.drop(`${PREFIX}.queue.${QUEUE}.${level}`);
}

async function block(rabbit: RabbitServer, chance: SeededRandom): Promise<void> {
  await rabbit.call("rabbit_disk_monitor", "set_disk_free_limit", IMPOSSIBLE_DISK);
  await after(between(chance, 500, 2500));
  await rabbit.call("rabbit_disk_monitor", "set_disk_free_limit", USUAL_DISK);
}

async function restart(rabbit: RabbitServer, chance: SeededRandom): Promise<void> {
  await after(SETTLED_MS);
  await rabbit.kill();
  await after(between(chance, 0, 1500));
  await rabbit.start();
}

async function leftovers(rabbit: RabbitServer, redis: RedisServer): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const name of ["leases", "unpublished", "due"]) {
    counts.set(name, Number(await redis.command("ZCARD", `${ROOT}:${name}`)));
  }
  counts.set("ready", Number(await redis.command("ZCARD", `${ROOT}:qr:${QUEUE}`)));
  counts.set("messages", await rabbit.messageCount(`${PREFIX}.queue.`));
  return counts;
}
