/** Figures of a queue, from what AMQP tells: ready messages of each level, and who is first. */
import type { Channel, ChannelModel } from "amqplib";
import type { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import type { QueueDepth } from "../contract.ts";
import { publishedAtOf } from "./arrival.ts";
import type { Connection } from "./connection.ts";
import { LEVELS, type Level, levelOf } from "./levels.ts";
import type { Arrival } from "./source.ts";
import { deadQueue, levelQueue, type Topology } from "./topology.ts";

const NOT_FOUND = 404;

/** What this process's consumers have of a queue. */
export interface LocalDepth {
  readonly waiting: readonly Arrival[];
  readonly unsettledCount: number;
}

/** Asks the broker, one question at a time: a queue that is missing ends the channel. */
export class Gauge {
  readonly #connection: Connection;
  readonly #topology: Topology;
  #open: { readonly model: ChannelModel; readonly channel: Channel } | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(connection: Connection, topology: Topology) {
    this.#connection = connection;
    this.#topology = topology;
  }

  depth(queue: string, local: LocalDepth): Promise<QueueDepth> {
    return this.#next(async () => {
      const counts = new Map<Level, number>();
      const instants = local.waiting.map(({ publishedAtMs }) => publishedAtMs);
      for (const level of LEVELS) {
        const found = await this.#look(levelQueue(this.#topology, queue, level));
        if (!found) continue;
        counts.set(level, found.count);
        if (found.firstAt !== undefined) instants.push(found.firstAt);
      }
      for (const { message } of local.waiting) {
        const level = levelOf(message);
        counts.set(level, (counts.get(level) ?? 0) + 1);
      }
      return {
        pendingCount: sum(counts.values()),
        pendingByPriority: new Map<Priority, number>(counts),
        unsettledCount: local.unsettledCount,
        deadLetteredCount: await this.#count(deadQueue(this.#topology, queue)),
        oldestPublishedAt: instants.length > 0 ? Math.min(...instants) : undefined,
      };
    });
  }

  /** Messages that wait at the broker. */
  readyCount(queue: string): Promise<number> {
    return this.#next(async () => {
      let total = 0;
      for (const level of LEVELS) {
        total += await this.#count(levelQueue(this.#topology, queue, level));
      }
      return total;
    });
  }

  check(): Promise<void> {
    return this.#next(async () => {
      const channel = await this.#channel();
      await this.#connection.reply(channel.checkExchange(this.#topology.tasks));
    });
  }

  #next<T>(ask: () => Promise<T>): Promise<T> {
    const asked = this.#tail.then(ask);
    this.#tail = asked.catch(() => undefined);
    return asked;
  }

  /** Of the connection there is now: one that was given up does not always tell its channels. */
  async #channel(): Promise<Channel> {
    const model = this.#connection.model();
    if (this.#open?.model === model) return this.#open.channel;
    const channel = await this.#connection.reply(model.createChannel());
    channel.on("error", () => this.#forget(channel));
    channel.on("close", () => this.#forget(channel));
    this.#open = { model, channel };
    return channel;
  }

  #forget(channel: Channel): void {
    if (this.#open?.channel === channel) this.#open = undefined;
  }

  /** 0 for a queue that does not exist. */
  async #count(name: string): Promise<number> {
    const found = await this.#unlessMissing((channel) => channel.checkQueue(name));
    return found?.messageCount ?? 0;
  }

  /**
   * Takes the first message into the hand for a look at it, and puts it back to where it was. Unlike
   * a mere count this comes after whatever the broker was told before, also by other channels.
   */
  async #look(name: string): Promise<{ count: number; firstAt: number | undefined } | undefined> {
    return this.#unlessMissing(async (channel) => {
      const raw = await channel.get(name);
      if (!raw) return undefined;
      channel.nack(raw, false, true);
      return { count: raw.fields.messageCount + 1, firstAt: publishedAtOf(raw) };
    });
  }

  async #unlessMissing<T>(ask: (channel: Channel) => Promise<T>): Promise<T | undefined> {
    const channel = await this.#channel();
    let isMissing = false;
    const missing = (error: { code?: number }): void => {
      isMissing = error.code === NOT_FOUND;
    };
    channel.on("error", missing);
    try {
      return await this.#connection.reply(ask(channel));
    } catch (error) {
      if (isMissing) return undefined;
      // It may have ended before anybody listened to it.
      this.#forget(channel);
      channel.close().catch(() => undefined);
      throw error;
    } finally {
      channel.off("error", missing);
    }
  }
}

function sum(counts: Iterable<number>): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
