/** The RabbitMQ adapter of the MessageQueue seam. What it keeps where: topology.ts. */
import type { Clock, Random } from "../../clock.ts";
import { AgentlaneError } from "../../errors.ts";
import { service } from "../../lifecycle.ts";
import type { MessageQueue } from "../contract.ts";
import { Connection, withPatience, withRetries } from "./connection.ts";
import { RabbitConsumer } from "./consumer.ts";
import { Gauge, type LocalDepth } from "./depth.ts";
import { LengthLimit } from "./length-limit.ts";
import { createSender } from "./sender.ts";
import type { Arrival } from "./source.ts";
import { type QueueType, topologyOf } from "./topology.ts";

const DEFAULT_AGEING_MS = 15_000;
/** Far above any MAX_QUEUE_SIZE: doorbells may double, tasks may not. */
const DEFAULT_MAX_LENGTH = 100_000;

export interface RabbitQueueOptions {
  /** amqp:// or amqps://, with a user, a password and a vhost where needed. */
  readonly url: string;
  /** In front of all names: one for an installation. */
  readonly prefix: string;
  /** Of the queues that keep messages. Default quorum. */
  readonly queueType?: QueueType;
  readonly clock: Clock;
  readonly random: Random;
  /** Waiting messages a queue may hold, roughly: each process knows its own well. Default 100 000. */
  readonly maxLength?: number;
  /** A waiting message gains one priority level per interval. Default 15 s. */
  readonly ageingMs?: number;
  /** Told what an operator should know: a lost connection, unreadable messages. */
  readonly onWarning?: (message: string, error?: unknown) => void;
  /** Counts connections that are lost and built anew, by their name. */
  readonly onConnectionLost?: (connection: string) => void;
}

export function createRabbitQueue(options: RabbitQueueOptions): MessageQueue {
  const { clock, ageingMs = DEFAULT_AGEING_MS, onWarning } = options;
  const topology = topologyOf(options.prefix, options.queueType ?? "quorum");
  const consumers = new Set<RabbitConsumer>();
  const sender = createSender(options, topology);
  let started = false;

  const consuming = new Connection({
    ...options,
    name: "agentlane-consume",
    open: async (model) => {
      for (const consumer of consumers) await consumer.open(model);
    },
    onDown: () => {
      for (const consumer of consumers) consumer.lost();
    },
    onLost: (error) => onWarning?.("the queue's consumers lost their connection", error),
  });
  const gauge = new Gauge(consuming, topology);
  const limit = new LengthLimit({
    maxLength: options.maxLength ?? DEFAULT_MAX_LENGTH,
    count: async (queue) => {
      const counting = withRetries(options, () => gauge.readyCount(queue));
      const readyCount = await withPatience(clock, counting);
      return readyCount + localDepth(consumers, queue).waiting.length;
    },
  });

  function refuseStopped(): void {
    if (!started) throw new AgentlaneError("unavailable", "QUEUE_STOPPED", "the queue is stopped");
  }

  const open = async (): Promise<void> => {
    await sender.start();
    await consuming.start();
    started = true;
  };
  const close = async (): Promise<void> => {
    started = false;
    await Promise.all([...consumers].map((consumer) => consumer.close()));
    await Promise.all([sender.stop(), consuming.stop()]);
  };

  return {
    type: "rabbitmq",
    ...service(open, close),

    async publish(messages) {
      refuseStopped();
      if (messages.length === 0) return;
      await sender.declare(messages);
      await limit.admit(messages);
      await sender.send(messages);
    },

    async consume(consumeOptions) {
      refuseStopped();
      const consumer: RabbitConsumer = new RabbitConsumer(consumeOptions, {
        clock,
        connection: consuming,
        topology,
        ageingMs,
        onUnreadable: (queue, error) =>
          onWarning?.(`an unreadable message of ${queue} was set aside`, error),
        onClose: () => void consumers.delete(consumer),
      });
      try {
        await withRetries(options, () => consumer.open(consuming.model()));
      } catch (error) {
        await consumer.close();
        throw error;
      }
      consumers.add(consumer);
      return consumer;
    },

    async depth(queue) {
      refuseStopped();
      return gauge.depth(queue, localDepth(consumers, queue));
    },

    async check() {
      refuseStopped();
      await gauge.check();
      sender.check();
    },
  };
}

function localDepth(consumers: Iterable<RabbitConsumer>, queue: string): LocalDepth {
  const here = ({ message }: Arrival): boolean => message.queue === queue;
  const all = [...consumers];
  return {
    waiting: all.flatMap((consumer) => [...consumer.waiting()]).filter(here),
    unsettledCount: all.flatMap((consumer) => [...consumer.unsettled]).filter(here).length,
  };
}
