/** One named queue: its messages, and the consumers that wait for one. */
import type { QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import type { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import type { Clock, Timer } from "../../clock.ts";
import { LinkedList } from "../../linked-list.ts";
import type { QueueDepth } from "../contract.ts";
import { LEVELS, levelOf, PriorityLines, type WaitingMessage } from "./priority-lines.ts";

/** Somebody who takes a message now. */
export interface Taker {
  readonly workerId: string;
  take(queue: NamedQueue, waiting: WaitingMessage): void;
}

export class NamedQueue {
  /** Consumers with a free call, longest waiting first; there are as many as worker processes. */
  readonly takers = new LinkedList<Taker>();
  unsettledCount = 0;
  readonly #clock: Clock;
  readonly #lines: PriorityLines;
  readonly #delayed = new Map<WaitingMessage, Timer>();
  readonly #countByPriority = new Map<Priority, number>(LEVELS.map((level) => [level, 0]));

  constructor(clock: Clock, ageingMs: number) {
    this.#clock = clock;
    this.#lines = new PriorityLines(ageingMs);
  }

  /** Waiting messages, delayed ones included. */
  get length(): number {
    return this.#lines.size + this.#delayed.size;
  }

  add(message: QueueMessage): void {
    const nowMs = this.#clock.now();
    const level = levelOf(message);
    this.#lines.append({
      message,
      redelivered: false,
      level,
      levelSinceMs: nowMs,
      publishedAtMs: nowMs,
    });
    this.#count(message, 1);
  }

  /** Hands messages out as long as somebody takes them. */
  dispatch(): void {
    for (let taker = this.takers.first; taker; taker = this.takers.first) {
      const waiting = this.take();
      if (!waiting) return;
      (this.#preferredTaker(waiting.message) ?? taker).take(this, waiting);
    }
  }

  topLevel(): Priority | undefined {
    return this.#lines.topLevel(this.#clock.now());
  }

  take(): WaitingMessage | undefined {
    const waiting = this.#lines.take(this.#clock.now());
    if (waiting) this.#count(waiting.message, -1);
    return waiting;
  }

  putBack(waiting: WaitingMessage, delayMs: number): void {
    waiting.redelivered = true;
    this.#count(waiting.message, 1);
    if (delayMs <= 0) {
      this.#lines.putBack(waiting);
      return;
    }
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#undelay(waiting);
      this.dispatch();
    });
    this.#delayed.set(waiting, timer);
  }

  /** Ends all delays at once, so that no timer is left. */
  endDelays(): void {
    for (const [waiting, timer] of this.#delayed) {
      timer.clear();
      this.#undelay(waiting);
    }
  }

  depth(): QueueDepth {
    const counts = [...this.#countByPriority].filter(([, count]) => count > 0);
    let oldestPublishedAt = this.#lines.oldestPublishedAtMs();
    for (const { publishedAtMs } of this.#delayed.keys()) {
      oldestPublishedAt = Math.min(oldestPublishedAt ?? publishedAtMs, publishedAtMs);
    }
    return {
      pendingCount: this.length,
      pendingByPriority: new Map(counts),
      unsettledCount: this.unsettledCount,
      deadLetteredCount: 0,
      oldestPublishedAt,
    };
  }

  #undelay(waiting: WaitingMessage): void {
    this.#delayed.delete(waiting);
    this.#lines.putBack(waiting);
  }

  #preferredTaker({ preferredWorkerId }: QueueMessage): Taker | undefined {
    if (preferredWorkerId === "") return undefined;
    for (const taker of this.takers.forward()) {
      if (taker.workerId === preferredWorkerId) return taker;
    }
    return undefined;
  }

  #count(message: QueueMessage, by: 1 | -1): void {
    const level = levelOf(message);
    this.#countByPriority.set(level, (this.#countByPriority.get(level) ?? 0) + by);
  }
}
