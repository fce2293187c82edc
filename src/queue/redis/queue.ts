/** The Redis adapter of the MessageQueue seam. How it keeps messages: lua/queue-state.lua. */
import type { Clock } from "../../clock.ts";
import { AgentlaneError } from "../../errors.ts";
import type { NewId } from "../../ids.ts";
import { service } from "../../lifecycle.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import { AGEING_MS, MAX_LENGTH } from "../../redis/queue-limits.ts";
import type { MessageQueue, QueueDepth } from "../contract.ts";
import { RedisConsumer } from "./consumer.ts";
import { depthOf } from "./depth.ts";
import { loadQueueFunctions } from "./functions.ts";
import { createPublisher } from "./publisher.ts";

export interface RedisQueueOptions {
  readonly connection: RedisConnection;
  /** In front of all keys, as a hash tag: one for an installation. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Waiting messages a queue may hold. Default 100 000. */
  readonly maxLength?: number;
  /** A waiting message gains one priority level per interval. Default 15 s. */
  readonly ageingMs?: number;
  /**
   * Whether the store is on the same connection and rings by itself: then deliveries may come claimed
   * (`leaseMs` of a consumer). Default false.
   */
  readonly deliversClaims?: boolean;
  /** Told of unreadable messages. */
  readonly onWarning?: (message: string, error?: unknown) => void;
}

export function createRedisQueue(options: RedisQueueOptions): MessageQueue {
  const { connection, clock, newId, ageingMs = AGEING_MS, onWarning } = options;
  const root = `{${options.prefix}}:mq:`;
  const functions = loadQueueFunctions();
  const consumers = new Set<RedisConsumer>();
  let started = false;
  let ignoreReady: (() => void) | undefined;

  const publisher = createPublisher({
    connection,
    operation: functions.publish,
    root,
    publisherId: newId(),
    maxLength: options.maxLength ?? MAX_LENGTH,
    ageingMs,
  });

  function refuseStopped(): void {
    if (!started) throw new AgentlaneError("unavailable", "QUEUE_STOPPED", "the queue is stopped");
  }

  const open = async (): Promise<void> => {
    await connection.start();
    await connection.probe(functions.depth, root, [""]);
    ignoreReady = connection.onReady(() => {
      for (const consumer of consumers) consumer.reconnected();
    });
    started = true;
  };
  const close = async (): Promise<void> => {
    started = false;
    await Promise.all([...consumers].map((consumer) => consumer.close()));
    ignoreReady?.();
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
        operation: functions.exchange,
        root,
        newId,
        ageingMs,
        leaseMs: options.deliversClaims ? consumeOptions.leaseMs : undefined,
        onUnreadable: (error) =>
          onWarning?.(
            `an unreadable message of ${consumeOptions.queues.join(", ")} was set aside`,
            error,
          ),
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
      return depthOf(await connection.run(functions.depth, root, [queue]));
    },

    async check() {
      refuseStopped();
      await connection.call("ping", []);
    },
  };
}
