/** RabbitMQ for queue and bus, one Redis with an append-only file for the store. */
import { startTcpProxy } from "../../fakes/tcp-proxy.ts";
import type { RabbitServer } from "../../harness/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../../harness/redis-server.ts";
import type { Backend, RunningBackend } from "./contract.ts";
import {
  PREFIX,
  QUEUE,
  RABBIT_FAULT_KINDS,
  rabbitFaultsOf,
  startFaultyRabbit,
} from "./rabbitmq-faults.ts";

const ROOT = `{${PREFIX}}`;

export const rabbitmqBackend: Backend = {
  name: "rabbitmq-redis",
  layout: "spread",
  isRemote: true,
  faultKinds: RABBIT_FAULT_KINDS,
  start,
};

async function start(): Promise<RunningBackend> {
  const [rabbit, redis] = await Promise.all([startFaultyRabbit(), startRedis({ aof: true })]);
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
    faults: rabbitFaultsOf(rabbit),
    leftovers: () => leftovers(rabbit, redis),
    async stop() {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await Promise.all([rabbit.stop(), redis.stop()]);
    },
  };
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
