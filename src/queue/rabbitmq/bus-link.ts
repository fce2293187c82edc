/**
 * A process's own queue on the exchange of notices, over a connection of its own. It and its bindings
 * are made anew on every new connection. Nothing waits for one: a notice may get lost.
 */
import type { Channel, ChannelModel } from "amqplib";
import type { Clock, Random } from "../../clock.ts";
import type { NewId } from "../../ids.ts";
import { Connection, withPatience } from "./connection.ts";

/** Notices that wait for this process; the oldest go first, and are found in the store. */
const MAX_WAITING = 10_000;

export interface BusLinkOptions {
  readonly url: string;
  readonly prefix: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: NewId;
  readonly onLost: (error: Error) => void;
  readonly onConnectionLost?: (connection: string) => void;
  readonly onPayload: (payload: Buffer) => void;
}

export class BusLink {
  readonly #options: BusLinkOptions;
  readonly #connection: Connection;
  readonly #exchange: string;
  readonly #keys = new Set<string>();
  /** Of the newest connection, ready or not. */
  #channel: Channel | undefined;
  #queue = "";
  /** The connection takes less than what is published; the rest is dropped. */
  #isFull = false;

  constructor(options: BusLinkOptions) {
    this.#options = options;
    this.#exchange = `${options.prefix}.events`;
    this.#connection = new Connection({
      ...options,
      name: "agentlane-bus",
      open: (model) => this.#open(model),
    });
  }

  start(): Promise<void> {
    return this.#connection.start();
  }

  async stop(): Promise<void> {
    await this.#connection.stop();
    this.#keys.clear();
  }

  publish(key: string, payload: Buffer): void {
    const channel = this.#channel;
    if (!channel || this.#isFull || !this.#connection.takesMessages) return;
    try {
      this.#isFull = !channel.publish(this.#exchange, key, payload);
    } catch {
      // It is closing: this notice is one of those that get lost.
    }
  }

  /**
   * Resolves when payloads published with the key from now on arrive; after a reconnect as well. From
   * a connection that is blocked the broker reads no binding.
   */
  async bind(key: string): Promise<void> {
    this.#connection.requireUnblocked();
    const channel = this.#channel;
    if (!channel) throw this.#connection.failure();
    this.#keys.add(key);
    try {
      const binding = channel.bindQueue(this.#queue, this.#exchange, key);
      await withPatience(this.#options.clock, this.#connection.reply(binding));
    } catch (error) {
      this.#keys.delete(key);
      throw error;
    }
  }

  unbind(key: string): void {
    this.#keys.delete(key);
    if (!this.#connection.isReady) return;
    // A binding that stays costs a few ignored notices.
    this.#channel?.unbindQueue(this.#queue, this.#exchange, key).catch(() => undefined);
  }

  async #open(model: ChannelModel): Promise<void> {
    const connection = this.#connection;
    const channel = await connection.reply(model.createChannel());
    this.#channel = channel;
    const giveUp = (error: Error): void => {
      if (this.#channel === channel) connection.giveUp(error);
    };
    channel.on("error", giveUp);
    channel.on("close", () => giveUp(new Error("channel closed")));
    channel.on("drain", () => {
      this.#isFull = false;
    });
    this.#isFull = false;
    this.#queue = `${this.#options.prefix}.bus.${this.#options.newId()}`;
    await connection.reply(this.#declare(channel));
    const onMessage = (raw: { readonly content: Buffer } | null): void => {
      if (raw) this.#options.onPayload(raw.content);
      else giveUp(new Error(`queue ${this.#queue} was deleted`));
    };
    await connection.reply(channel.consume(this.#queue, onMessage, { noAck: true }));
  }

  async #declare(channel: Channel): Promise<void> {
    await channel.assertExchange(this.#exchange, "direct", { durable: true });
    await channel.assertQueue(this.#queue, {
      durable: false,
      exclusive: true,
      autoDelete: true,
      maxLength: MAX_WAITING,
      overflow: "drop-head",
    });
    for (const key of this.#keys) await channel.bindQueue(this.#queue, this.#exchange, key);
  }
}
