/**
 * A consumer of the RabbitMQ queue: waiting calls, unsettled deliveries, and which source is served
 * next. A channel of its own; all of it begins anew on every new connection, and then the broker
 * delivers again what was unsettled.
 */
import type { Channel, ChannelModel, Message } from "amqplib";
import { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import type { Clock, Timer } from "../../clock.ts";
import type { ConsumeOptions, Consumer, Delivery } from "../contract.ts";
import { Acks } from "./acks.ts";
import { messageOf, publishedAtOf } from "./arrival.ts";
import { Calls } from "./calls.ts";
import type { Connection } from "./connection.ts";
import { declareOn } from "./declarations.ts";
import { LEVELS } from "./levels.ts";
import { type Arrival, Source } from "./source.ts";
import { declareWorkerQueue, levelQueue, type Topology } from "./topology.ts";
import { TurnOrder } from "./turn-order.ts";

/** How long something waits for a call here before it goes back for others. */
const STRAY_MS = 5;
/** What a level may push ahead of its acks: fewer would keep a worker of few slots waiting. */
const MIN_WINDOW = 8;
const MAX_PREFETCH = 65_535;
/** Whether what should be pushed is pushed, and whether the broker answers at all. */
const PROBE_INTERVAL_MS = 2000;

export interface ConsumerParts {
  readonly clock: Clock;
  readonly connection: Connection;
  readonly topology: Topology;
  readonly ageingMs: number;
  readonly onUnreadable: (queue: string, error: unknown) => void;
  readonly onClose: () => void;
}

export class RabbitConsumer implements Consumer {
  readonly #parts: ConsumerParts;
  readonly #options: ConsumeOptions;
  readonly #queues: readonly string[];
  readonly #order: TurnOrder;
  readonly #calls = new Calls(() => this.#planReturn());
  /** In the hands of callers. */
  readonly #unsettled = new Set<Arrival>();
  /** Nacked with a delay that is not over: still the broker's, so a death costs only the delay. */
  readonly #held = new Map<Arrival, Timer>();
  #channel: Channel | undefined;
  /** Of the channel. */
  #acks: Acks | undefined;
  /** The levels of all queues, then what prefers this worker. */
  #sources: readonly Source[] = [];
  /** The last one; it is always on. */
  #preferring: Source | undefined;
  #isPumping = false;
  #straying: Timer | undefined;
  #probing: Timer | undefined;
  #closing: Promise<void> | undefined;
  #polledAtMs: number;

  constructor(options: ConsumeOptions, parts: ConsumerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#queues = [...new Set(options.queues)];
    this.#order = new TurnOrder(parts.ageingMs);
    this.#polledAtMs = parts.clock.now();
  }

  /** Begins on a connection, whatever was before. */
  async open(model: ChannelModel): Promise<void> {
    this.lost();
    const { connection, topology } = this.#parts;
    for (const queue of this.#queues) {
      await declareOn(connection, model, topology, queue);
    }
    const channel = await connection.reply(model.createChannel());
    channel.on("error", (error) => this.#giveUp(channel, error));
    channel.on("close", () => this.#giveUp(channel, new Error("channel closed")));
    const { workerId } = this.#options;
    const own = await connection.reply(
      declareWorkerQueue(channel, topology, workerId, this.#queues),
    );
    if (this.#closing) {
      await connection.reply(channel.close());
      return;
    }
    const sourceOf = (queue: string, level: (typeof LEVELS)[number]): Source =>
      new Source({
        channel,
        queue,
        level,
        nowMs: this.#parts.clock.now(),
        onArrival: (source, raw) => this.#arrived(channel, source, raw),
        onEnd: () => this.#giveUp(channel, new Error(`queue ${queue} was deleted`)),
      });
    this.#channel = channel;
    this.#acks = new Acks(channel, () => connection.gather());
    const levels = this.#queues.flatMap((queue) => {
      return LEVELS.map((level) => sourceOf(levelQueue(topology, queue, level), level));
    });
    const preferring = sourceOf(own, Priority.NORMAL);
    this.#sources = [preferring];
    this.#preferring = preferring;
    // It counts for each consumer that begins after it. What prefers this worker and finds no slot
    // does not wait for it, and what comes by level, all levels might push at once.
    const prefetch = Math.min(this.#options.prefetch, MAX_PREFETCH);
    await connection.reply(channel.prefetch(prefetch));
    await connection.reply(preferring.turnOn());
    const share = Math.max(Math.ceil(prefetch / LEVELS.length), Math.min(prefetch, MIN_WINDOW));
    await connection.reply(channel.prefetch(share));
    this.#sources = [...levels, preferring];
    if (!this.#probing) this.#planProbe();
    this.#pump();
  }

  /** The connection is gone, and with it whatever came over it. */
  lost(): void {
    this.#channel = undefined;
    this.#acks = undefined;
    this.#sources = [];
    this.#preferring = undefined;
    this.#unsettled.clear();
    for (const timer of this.#held.values()) timer.clear();
    this.#held.clear();
    this.#straying?.clear();
    this.#straying = undefined;
  }

  receive(signal: AbortSignal): Promise<Delivery | undefined> {
    if (this.#closing || signal.aborted) return Promise.resolve(undefined);
    const waiting = this.#calls.wait(signal);
    this.#pump();
    return waiting;
  }

  lastPolledAt(): number {
    return this.#polledAtMs;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** What is in this process and waits: by level of its source, with its instants. */
  *waiting(): Generator<Arrival, void> {
    for (const { strays } of this.#sources) yield* strays;
    yield* this.#held.keys();
  }

  get unsettled(): Iterable<Arrival> {
    return this.#unsettled;
  }

  async #close(): Promise<void> {
    const channel = this.#channel;
    const acks = this.#acks;
    this.#probing?.clear();
    this.#straying?.clear();
    while (this.#calls.size > 0) this.#calls.serve(undefined);
    if (channel && acks) {
      // First nothing may come any more, or it would be what goes back now.
      const off = this.#sources.map((source) => this.#parts.connection.reply(source.turnOff()));
      await Promise.allSettled(off);
      const back = [...this.waiting(), ...this.#unsettled];
      this.lost();
      // In the order in which they came, so that the heads keep theirs.
      back.sort((one, other) => tagOf(one) - tagOf(other));
      try {
        acks.flush();
        for (const arrival of back) acks.nack(arrival.raw);
        await this.#parts.connection.reply(channel.close());
      } catch {
        // The connection broke: the broker takes everything back by itself.
      }
    }
    this.#parts.onClose();
  }

  #giveUp(channel: Channel, error: Error): void {
    if (this.#channel === channel) this.#parts.connection.giveUp(error);
  }

  #hasDemand(): boolean {
    return !this.#closing && this.#calls.size > 0 && this.#unsettled.size < this.#options.prefetch;
  }

  /** Serves calls as long as there is something for them here or at the broker. */
  #pump(): void {
    const source = this.#serve();
    const channel = this.#channel;
    if (this.#isPumping || !source || !channel) return;
    this.#isPumping = true;
    this.#ask(channel)
      .catch((error: unknown) => this.#giveUp(channel, toError(error)))
      .finally(() => {
        this.#isPumping = false;
        // What came up since it found nothing more to ask, or on a new connection.
        this.#pump();
        this.#planReturn();
      });
  }

  async #ask(channel: Channel): Promise<void> {
    for (;;) {
      const source = this.#serve();
      if (!source || this.#channel !== channel) return;
      const { connection, clock } = this.#parts;
      const isThere = await connection.reply(source.ask());
      this.#polledAtMs = clock.now();
      if (isThere || this.#channel !== channel) continue;
      source.headAtMs = this.#polledAtMs;
      await connection.reply(source.turnOn());
    }
  }

  /** Serves what is here; answers the source to ask before anything else may be served. */
  #serve(): Source | undefined {
    while (this.#hasDemand()) {
      const turns = this.#sources.filter(isServable);
      if (turns.length === 0) return undefined;
      const nowMs = this.#parts.clock.now();
      const source = turns.length === 1 ? turns[0] : this.#order.next(turns, nowMs);
      const arrival = source?.strays[0];
      if (!source || !arrival) return source;
      if (turns.length > 1) this.#order.served(source, turns, nowMs);
      source.strays.shift();
      this.#deliver(arrival);
    }
    return undefined;
  }

  #arrived(channel: Channel, source: Source, raw: Message): void {
    if (this.#channel !== channel) return;
    const nowMs = this.#parts.clock.now();
    this.#polledAtMs = nowMs;
    const publishedAtMs = Math.min(publishedAtOf(raw) ?? nowMs, nowMs);
    source.headAtMs = publishedAtMs;
    try {
      const message = messageOf(raw);
      const { redelivered } = raw.fields;
      source.strays.push({ source, raw, message, publishedAtMs, redelivered });
    } catch (error) {
      this.#parts.onUnreadable(source.queue, error);
      this.#acks?.reject(raw);
      return;
    }
    this.#pump();
    this.#planReturn();
  }

  #deliver(arrival: Arrival): void {
    const acks = this.#acks;
    let isSettled = false;
    this.#unsettled.add(arrival);
    const settle = async (how: (acks: Acks) => void): Promise<void> => {
      if (this.#closing || isSettled) return;
      isSettled = true;
      this.#unsettled.delete(arrival);
      if (this.#acks !== acks || !acks) throw this.#parts.connection.failure();
      how(acks);
      this.#pump();
    };
    this.#calls.serve({
      message: arrival.message,
      redelivered: arrival.redelivered,
      ack: () => settle((on) => on.ack(arrival.raw)),
      nack: ({ delayMs = 0 } = {}) =>
        settle((on) => {
          if (delayMs > 0) this.#hold(arrival, delayMs);
          else on.nack(arrival.raw);
        }),
    });
  }

  #hold(arrival: Arrival, delayMs: number): void {
    const timer = this.#parts.clock.setTimer(delayMs, () => {
      this.#held.delete(arrival);
      arrival.redelivered = true;
      arrival.source.strays.unshift(arrival);
      this.#pump();
      this.#planReturn();
    });
    this.#held.set(arrival, timer);
  }

  #planReturn(): void {
    if (this.#straying || !this.#hasIdleStrays()) return;
    this.#straying = this.#parts.clock.setTimer(STRAY_MS, () => {
      this.#straying = undefined;
      const channel = this.#channel;
      if (!channel || !this.#hasIdleStrays()) return;
      this.#returnStrays(channel).catch((error: unknown) => this.#giveUp(channel, toError(error)));
    });
  }

  #hasIdleStrays(): boolean {
    if (this.#closing || this.#hasDemand()) return false;
    return this.#sources.some(hasStrays);
  }

  /** Turned off first: else the broker would push the same again. */
  async #returnStrays(channel: Channel): Promise<void> {
    // Its time to live sends them on to the others.
    for (const { raw } of this.#preferring?.strays.splice(0) ?? []) this.#acks?.reject(raw);
    const full = this.#sources.filter(hasStrays);
    await Promise.all(
      full.map(async (source) => {
        await this.#parts.connection.reply(source.turnOff());
        if (this.#channel !== channel || this.#closing) return;
        if (this.#hasDemand()) this.#serve();
        for (const { raw } of source.strays.splice(0)) this.#acks?.nack(raw);
      }),
    );
    this.#pump();
  }

  #planProbe(): void {
    this.#probing = this.#parts.clock.setTimer(PROBE_INTERVAL_MS, () => {
      const channel = this.#channel;
      if (channel) this.#probe(channel).catch((error) => this.#giveUp(channel, toError(error)));
      if (!this.#closing) this.#planProbe();
    });
  }

  /**
   * What is found where everything should have been pushed shows that nothing is pushed any more; not
   * where something was pushed of late: there more may wait than the broker pushes ahead of acks.
   */
  async #probe(channel: Channel): Promise<void> {
    const { connection, clock } = this.#parts;
    const on = this.#sources.filter((source) => {
      return source !== this.#preferring && source.isOn && !source.hasPushed;
    });
    for (const source of this.#sources) source.hasPushed = false;
    if (on.length === 0 || !this.#hasDemand()) {
      await connection.reply(channel.checkExchange(this.#parts.topology.tasks));
    }
    for (const source of on) {
      if (!this.#hasDemand() || this.#channel !== channel) break;
      if (await connection.reply(source.ask())) await connection.reply(source.turnOff());
    }
    if (this.#channel === channel) this.#polledAtMs = clock.now();
    // What was turned off is to be asked from now on, and calls may wait that nothing else wakes.
    this.#pump();
  }
}

function hasStrays({ strays }: Source): boolean {
  return strays.length > 0;
}

function isServable(source: Source): boolean {
  return source.isOff || hasStrays(source);
}

function tagOf({ raw }: Arrival): number {
  return raw.fields.deliveryTag;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
