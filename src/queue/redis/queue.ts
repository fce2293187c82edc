/** The Redis adapter of the MessageQueue seam. How it keeps messages: lua/queue-state.lua. */
import type { Clock, Random } from "../../clock.ts";
import { AgentlaneError } from "../../errors.ts";
import type { NewId } from "../../ids.ts";
import { service } from "../../lifecycle.ts";
import type { MessageQueue, QueueDepth } from "../contract.ts";
import { Connection } from "./connection.ts";
import { RedisConsumer } from "./consumer.ts";
import { depthOf } from "./depth.ts";
import { createPublisher } from "./publisher.ts";
import { loadQueueScripts } from "./scripts.ts";
import { checkServer } from "./server-check.ts";

const DEFAULT_AGEING_MS = 15_000;
/** Far above any MAX_QUEUE_SIZE: doorbells may double, tasks may not. */
const DEFAULT_MAX_LENGTH = 100_000;

export interface RedisQueueOptions {
  /** redis:// or rediss://, with a password and a database where needed. */
  readonly url: string;
  /** In front of all keys, as a hash tag: one for an installation. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: NewId;
  /** Waiting messages a queue may hold. Default 100 000. */
  readonly maxLength?: number;
  /** A waiting message gains one priority level per interval. Default 15 s. */
  readonly ageingMs?: number;
  /** Told what an operator should know: no append-only file, a lost connection, unreadable messages. */
  readonly onWarning?: (message: string, error?: unknown) => void;
}

export function createRedisQueue(options: RedisQueueOptions): MessageQueue {
  const { clock, random, newId, ageingMs = DEFAULT_AGEING_MS, onWarning } = options;
  const root = `{${options.prefix}}:mq:`;
  const scripts = loadQueueScripts();
  const consumers = new Set<RedisConsumer>();
  let started = false;

  const connection = new Connection({
    url: options.url,
    name: "agentlane-queue",
    clock,
    random,
    scripts: Object.values(scripts),
    onReady: () => {
      for (const consumer of consumers) consumer.reconnected();
    },
    onLost: (error) => onWarning?.("the queue lost its connection to Redis", error),
  });
  const publisher = createPublisher({
    connection,
    script: scripts.publish,
    root,
    publisherId: newId(),
    maxLength: options.maxLength ?? DEFAULT_MAX_LENGTH,
    ageingMs,
  });

  function refuseStopped(): void {
    if (!started) throw new AgentlaneError("unavailable", "QUEUE_STOPPED", "the queue is stopped");
  }

  const open = async (): Promise<void> => {
    await connection.start();
    for (const warning of await checkServer(connection)) onWarning?.(warning);
    started = true;
  };
  const close = async (): Promise<void> => {
    started = false;
    await Promise.all([...consumers].map((consumer) => consumer.close()));
    await connection.stop();
  };

  return {
    type: "redis",
    ...service(open, close),

    async publish(messages) {
      refuseStopped();
      await publisher.publish(messages);
    },

    async consume(consumeOptions) {
      refuseStopped();
      const consumer: RedisConsumer = new RedisConsumer(consumeOptions, {
        clock,
        connection,
        script: scripts.exchange,
        root,
        newId,
        ageingMs,
        onUnreadable: (queues, error) =>
          onWarning?.(`an unreadable message of ${queues.join(", ")} was set aside`, error),
        onClose: () => void consumers.delete(consumer),
        sendFirst: publisher.flush,
      });
      consumers.add(consumer);
      try {
        await consumer.open();
      } catch (error) {
        await consumer.close();
        throw error;
      }
      return consumer;
    },

    async depth(queue): Promise<QueueDepth> {
      refuseStopped();
      for (const consumer of consumers) consumer.flush();
      return depthOf(await connection.run(scripts.depth, root, [queue]));
    },

    async check() {
      refuseStopped();
      await connection.call("PING");
    },
  };
}
