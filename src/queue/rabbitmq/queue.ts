/** The RabbitMQ adapter of the MessageQueue seam. What it keeps where: topology.ts. */
import type { ChannelModel } from "amqplib";
import type { QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import type { Clock, Random } from "../../clock.ts";
import { AgentlaneError } from "../../errors.ts";
import { service } from "../../lifecycle.ts";
import type { MessageQueue } from "../contract.ts";
import { Connection } from "./connection.ts";
import { unavailable } from "./connection-errors.ts";
import { RabbitConsumer } from "./consumer.ts";
import { Gauge, type LocalDepth } from "./depth.ts";
import { LengthLimit } from "./length-limit.ts";
import { Publisher } from "./publisher.ts";
import { declareExchanges, declareQueue, type QueueType, topologyOf } from "./topology.ts";

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
}

export function createRabbitQueue(options: RabbitQueueOptions): MessageQueue {
  const { clock, ageingMs = DEFAULT_AGEING_MS, onWarning } = options;
  const topology = topologyOf(options.prefix, options.queueType ?? "quorum");
  const consumers = new Set<RabbitConsumer>();
  const declared = new Map<string, Promise<void>>();
  let started = false;

  // Two, because a broker under an alarm stops to read from a connection that publishes.
  const publishing = new Connection({
    ...options,
    name: "agentlane-publish",
    open: async (model) => {
      declared.clear();
      const channel = await publishing.reply(model.createConfirmChannel());
      publisher.use(channel);
      await publishing.reply(declareExchanges(channel, topology));
    },
    onDown: (failure) => publisher.fail(failure),
    onLost: (error) => onWarning?.("the queue lost its connection to RabbitMQ", error),
  });
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
  const publisher = new Publisher({ clock, topology, connection: publishing });
  const gauge = new Gauge(consuming, topology);
  const limit = new LengthLimit({
    maxLength: options.maxLength ?? DEFAULT_MAX_LENGTH,
    count: async (queue) => (await gauge.readyCount(queue)) + localOf(queue).waiting.length,
  });

  function refuseStopped(): void {
    if (!started) throw new AgentlaneError("unavailable", "QUEUE_STOPPED", "the queue is stopped");
  }

  /** On a channel of its own, which ends when something of that name has other settings. */
  async function declareOn(on: Connection, model: ChannelModel, queue: string): Promise<void> {
    const channel = await on.reply(model.createChannel());
    channel.on("error", () => undefined);
    await on.reply(declareQueue(channel, topology, queue));
    await on.reply(channel.close());
  }

  function declareOnce(queue: string): Promise<void> {
    let declaring = declared.get(queue);
    if (!declaring) {
      declaring = declareOn(publishing, publishing.model(), queue);
      declared.set(queue, declaring);
      declaring.catch(() => declared.delete(queue));
    }
    return declaring;
  }

  async function send(messages: readonly QueueMessage[]): Promise<QueueMessage[]> {
    publishing.requireUnblocked();
    const names = new Set(messages.map(({ queue }) => queue));
    await Promise.all([...names].map(declareOnce));
    return publisher.publish(messages);
  }

  function localOf(queue: string): LocalDepth {
    const waiting = [...consumers].flatMap((consumer) => [...consumer.waiting()]);
    const unsettled = [...consumers].flatMap((consumer) => [...consumer.unsettled]);
    return {
      waiting: waiting.filter(({ message }) => message.queue === queue),
      unsettledCount: unsettled.filter(({ message }) => message.queue === queue).length,
    };
  }

  const open = async (): Promise<void> => {
    await publishing.start();
    await consuming.start();
    started = true;
  };
  const close = async (): Promise<void> => {
    started = false;
    await Promise.all([...consumers].map((consumer) => consumer.close()));
    await Promise.all([publishing.stop(), consuming.stop()]);
  };

  return {
    type: "rabbitmq",
    ...service(open, close),

    async publish(messages) {
      refuseStopped();
      if (messages.length === 0) return;
      await limit.admit(messages);
      const returned = await send(messages);
      if (returned.length === 0) return;
      // Somebody has deleted a queue: it is declared again, and only then it is a failure.
      for (const { queue } of returned) declared.delete(queue);
      if ((await send(returned)).length > 0) throw unroutable(returned);
    },

    async consume(consumeOptions) {
      refuseStopped();
      const consumer: RabbitConsumer = new RabbitConsumer(consumeOptions, {
        clock,
        connection: consuming,
        topology,
        ageingMs,
        declare: (model, queue) => declareOn(consuming, model, queue),
        onUnreadable: (queue, error) =>
          onWarning?.(`an unreadable message of ${queue} was set aside`, error),
        onClose: () => void consumers.delete(consumer),
      });
      const model = consuming.model();
      consumers.add(consumer);
      try {
        await consumer.open(model);
      } catch (error) {
        await consumer.close();
        throw error;
      }
      return consumer;
    },

    async depth(queue) {
      refuseStopped();
      return gauge.depth(queue, localOf(queue));
    },

    async check() {
      refuseStopped();
      await gauge.check();
      if (!publishing.isReady) throw publishing.failure();
    },
  };
}

function unroutable(messages: readonly QueueMessage[]): AgentlaneError {
  const names = [...new Set(messages.map(({ queue }) => queue))].join(", ");
  return unavailable("RABBITMQ_UNROUTABLE", `RabbitMQ has no queue bound for ${names}`);
}
