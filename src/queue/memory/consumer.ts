/** A consumer of the memory queue: waiting calls, unsettled deliveries, and the bound on them. */
import type { Clock } from "../../clock.ts";
import { type Link, LinkedList } from "../../linked-list.ts";
import type { ConsumeOptions, Consumer, Delivery } from "../contract.ts";
import type { NamedQueue, Taker } from "./named-queue.ts";
import type { WaitingMessage } from "./priority-lines.ts";

interface Unsettled {
  readonly queue: NamedQueue;
  readonly waiting: WaitingMessage;
}

export interface MemoryConsumerOptions {
  readonly clock: Clock;
  readonly queues: readonly NamedQueue[];
  readonly onClose: () => void;
}

export class MemoryConsumer implements Consumer, Taker {
  readonly workerId: string;
  readonly #prefetch: number;
  readonly #clock: Clock;
  /** The one that was served last comes last: those with equally urgent messages take turns. */
  #queues: readonly NamedQueue[];
  readonly #onClose: () => void;
  readonly #calls = new LinkedList<(delivery: Delivery | undefined) => void>();
  readonly #unsettled = new Set<Unsettled>();
  /** Our place among each queue's takers; empty while we cannot take. */
  readonly #places = new Map<NamedQueue, Link<Taker>>();
  #polledAtMs: number;
  #closed = false;

  constructor(options: ConsumeOptions, { clock, queues, onClose }: MemoryConsumerOptions) {
    this.workerId = options.workerId;
    this.#prefetch = options.prefetch;
    this.#clock = clock;
    this.#queues = queues;
    this.#onClose = onClose;
    this.#polledAtMs = clock.now();
  }

  receive(signal: AbortSignal): Promise<Delivery | undefined> {
    if (this.#closed || signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const settle = (delivery: Delivery | undefined): void => {
        signal.removeEventListener("abort", abort);
        resolve(delivery);
      };
      const abort = (): void => {
        this.#calls.remove(call);
        this.#standInLine();
        settle(undefined);
      };
      const call = this.#calls.append(settle);
      signal.addEventListener("abort", abort, { once: true });
      this.#serve();
    });
  }

  /** A waiting call is told of a message at once, which is as good as polling all the time. */
  lastPolledAt(): number {
    return this.#calls.size > 0 ? this.#clock.now() : this.#polledAtMs;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#standInLine();
    for (let call = this.#calls.shift(); call; call = this.#calls.shift()) call(undefined);
    // The last one taken goes back first, so that the heads keep their order.
    for (const unsettled of [...this.#unsettled].reverse()) this.#giveBack(unsettled, 0);
    this.#onClose();
    for (const queue of this.#queues) queue.dispatch();
  }

  take(queue: NamedQueue, waiting: WaitingMessage): void {
    this.#deliver(queue, waiting);
    this.#leaveLine();
    this.#standInLine();
  }

  #serve(): void {
    while (this.#isFree()) {
      const queue = this.#mostUrgentQueue();
      const waiting = queue?.take();
      if (!queue || !waiting) break;
      this.#queues = [...this.#queues.filter((other) => other !== queue), queue];
      this.#deliver(queue, waiting);
    }
    this.#standInLine();
  }

  #isFree(): boolean {
    return !this.#closed && this.#calls.size > 0 && this.#unsettled.size < this.#prefetch;
  }

  #mostUrgentQueue(): NamedQueue | undefined {
    let best: NamedQueue | undefined;
    let bestLevel = Number.NEGATIVE_INFINITY;
    for (const queue of this.#queues) {
      const level = queue.topLevel();
      if (level === undefined || level <= bestLevel) continue;
      best = queue;
      bestLevel = level;
    }
    return best;
  }

  #standInLine(): void {
    if (!this.#isFree()) this.#leaveLine();
    else if (this.#places.size === 0) {
      for (const queue of this.#queues) this.#places.set(queue, queue.takers.append(this));
    }
  }

  #leaveLine(): void {
    for (const [queue, place] of this.#places) queue.takers.remove(place);
    this.#places.clear();
  }

  #deliver(queue: NamedQueue, waiting: WaitingMessage): void {
    const unsettled = { queue, waiting };
    this.#unsettled.add(unsettled);
    queue.unsettledCount++;
    this.#polledAtMs = this.#clock.now();
    this.#calls.shift()?.({
      message: waiting.message,
      redelivered: waiting.redelivered,
      ack: async () => {
        if (this.#settle(unsettled)) this.#serve();
      },
      nack: async ({ delayMs = 0 } = {}) => {
        if (!this.#giveBack(unsettled, delayMs)) return;
        queue.dispatch();
        this.#serve();
      },
    });
  }

  #settle(unsettled: Unsettled): boolean {
    if (!this.#unsettled.delete(unsettled)) return false;
    unsettled.queue.unsettledCount--;
    return true;
  }

  #giveBack(unsettled: Unsettled, delayMs: number): boolean {
    if (!this.#settle(unsettled)) return false;
    unsettled.queue.putBack(unsettled.waiting, delayMs);
    return true;
  }
}
