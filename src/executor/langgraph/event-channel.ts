/**
 * The way of a turn's events out of the graph: bounded, with backpressure for whoever can wait, and
 * dead the moment the turn is over, so that a graph that ignores its signal has no way to emit.
 */
import { AgentlaneError } from "../../errors.ts";
import type { TurnEvent } from "../contract.ts";

/** Events that may wait before a producer has to. */
const CAPACITY = 64;
/** Events that may wait when the producer cannot (config.writer is synchronous). */
const HARD_LIMIT = 65_536;

export interface EventChannel extends AsyncIterable<TurnEvent> {
  /** Resolves when there is room for more. Does nothing once the channel has ended. */
  push(kind: Extract<TurnEvent, { type: "event" }>["kind"]): Promise<void> | undefined;
  /** The last event: what comes later is ignored. */
  finish(event: TurnEvent): void;
  /** Ends the iteration with this error, dropping what nobody has read yet. Idempotent. */
  fail(error: unknown): void;
  readonly ended: boolean;
}

/** `onClose` is called once, when the reader has read all, was told of the failure, or has left. */
export function createEventChannel(onClose: () => void = () => undefined): EventChannel {
  return new TurnEventChannel(onClose);
}

/** Its own iterator: an async generator costs several promises an event. */
class TurnEventChannel implements EventChannel, AsyncIterator<TurnEvent, undefined> {
  readonly #onClose: () => void;
  readonly #waiting: TurnEvent[] = [];
  #head = 0;
  #ended = false;
  #closed = false;
  #failure: { readonly error: unknown } | undefined;
  /** The read that found nothing: it is handed the next event. */
  #reader: PromiseWithResolvers<IteratorResult<TurnEvent, undefined>> | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  get ended(): boolean {
    return this.#ended;
  }

  push(kind: Extract<TurnEvent, { type: "event" }>["kind"]): Promise<void> | undefined {
    if (this.#ended) return undefined;
    const count = this.#waiting.length - this.#head;
    if (count >= HARD_LIMIT) throw eventsTooFast();
    this.#add({ type: "event", kind });
    if (count + 1 < CAPACITY) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  finish(event: TurnEvent): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#add(event);
    this.#openRoom();
  }

  fail(error: unknown): void {
    if (this.#failure) return;
    this.#ended = true;
    this.#failure = { error };
    this.#openRoom();
    if (!this.#reader) return;
    this.#reader.reject(error);
    this.#reader = undefined;
    this.#close();
  }

  [Symbol.asyncIterator](): AsyncIterator<TurnEvent, undefined> {
    return this;
  }

  next(): Promise<IteratorResult<TurnEvent, undefined>> {
    if (this.#failure) {
      this.#close();
      return Promise.reject(this.#failure.error);
    }
    const event = this.#take();
    if (event) return Promise.resolve({ done: false, value: event });
    if (this.#ended) return this.return();
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  return(): Promise<IteratorResult<TurnEvent, undefined>> {
    this.#close();
    return Promise.resolve({ done: true, value: undefined });
  }

  #add(event: TurnEvent): void {
    if (!this.#reader) {
      this.#waiting.push(event);
      return;
    }
    this.#reader.resolve({ done: false, value: event });
    this.#reader = undefined;
  }

  #take(): TurnEvent | undefined {
    const event = this.#waiting[this.#head];
    if (!event) return undefined;
    this.#head += 1;
    if (this.#head === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#head = 0;
      this.#openRoom();
    } else if (this.#head >= CAPACITY) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    return event;
  }

  #openRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
  }
}

function eventsTooFast(): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "EVENTS_TOO_FAST",
    `the graph wrote ${HARD_LIMIT} progress events faster than they could be stored; write less often, or await between them`,
    { retryable: false },
  );
}
