/**
 * One queue of the broker as a consumer sees it. While it is off, its messages are asked for one by
 * one, so that what nobody here has a slot for stays with the broker. Once it was found empty it is
 * turned on: the broker pushes what comes. It is turned off again when something came that nobody
 * here takes, which goes back.
 */
import type { Channel, Message } from "amqplib";
import type { QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import type { Level } from "./levels.ts";

/** A message of a source, in this process and not settled. */
export interface Arrival {
  readonly source: Source;
  readonly raw: Message;
  readonly message: QueueMessage;
  readonly publishedAtMs: number;
  redelivered: boolean;
}

export interface SourceParts {
  readonly channel: Channel;
  /** The broker's name of it. */
  readonly queue: string;
  readonly level: Level;
  readonly nowMs: number;
  readonly onArrival: (source: Source, raw: Message) => void;
  /** The broker has ended it: the queue is gone. */
  readonly onEnd: () => void;
}

export class Source {
  readonly queue: string;
  readonly level: Level;
  /** Came, and nobody has taken them yet; in order. */
  readonly strays: Arrival[] = [];
  /** The first message at the broker was published then, or later. */
  headAtMs: number;
  /** Whether something was pushed; to be reset by whoever looks at it. */
  hasPushed = false;
  #state: "off" | "on" | "turning" = "off";
  #tag: string | undefined;
  readonly #parts: SourceParts;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.queue = parts.queue;
    this.level = parts.level;
    this.headAtMs = parts.nowMs;
  }

  /** Its messages come only if asked for. */
  get isOff(): boolean {
    return this.#state === "off";
  }

  get isOn(): boolean {
    return this.#state === "on";
  }

  /** False when it is empty. */
  async ask(): Promise<boolean> {
    const raw = await this.#parts.channel.get(this.queue);
    if (raw) this.#parts.onArrival(this, raw);
    return raw !== false;
  }

  async turnOn(): Promise<void> {
    this.#state = "turning";
    const { consumerTag } = await this.#parts.channel.consume(this.queue, (raw) => {
      this.hasPushed = true;
      if (raw) this.#parts.onArrival(this, raw);
      else this.#parts.onEnd();
    });
    this.#tag = consumerTag;
    this.#state = "on";
  }

  async turnOff(): Promise<void> {
    const tag = this.#tag;
    if (this.#state !== "on" || tag === undefined) return;
    this.#state = "turning";
    this.#tag = undefined;
    await this.#parts.channel.cancel(tag);
    this.#state = "off";
  }
}
