/** Keeps queues below a length without asking the broker for it on every publish. */
import type { QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import { AgentlaneError } from "../../errors.ts";

/** A hint for whoever met a full queue, not a promise. */
const QUEUE_FULL_RETRY_MS = 1000;

export interface LengthLimitParts {
  readonly maxLength: number;
  /** How many messages wait in a queue. */
  readonly count: (queue: string) => Promise<number>;
}

export class LengthLimit {
  readonly #parts: LengthLimitParts;
  /** What it was when last asked, and all that was admitted since: hardly less than there is. */
  readonly #atMost = new Map<string, number>();
  readonly #counting = new Map<string, Promise<void>>();

  constructor(parts: LengthLimitParts) {
    this.#parts = parts;
  }

  /** Rejects with `resource_exhausted` and admits nothing when one of the queues would be too long. */
  async admit(messages: readonly QueueMessage[]): Promise<void> {
    const [only] = messages;
    if (only && messages.length === 1 && this.#fits(only.queue, 1)) {
      this.#add(only.queue, 1);
      return;
    }
    const added = Map.groupBy(messages, ({ queue }) => queue);
    for (const [queue, { length }] of added) {
      if (this.#fits(queue, length)) continue;
      await this.#count(queue);
      if (!this.#fits(queue, length)) throw full(queue, this.#parts.maxLength);
    }
    for (const [queue, { length }] of added) this.#add(queue, length);
  }

  #fits(queue: string, addedCount: number): boolean {
    const atMost = this.#atMost.get(queue) ?? Number.POSITIVE_INFINITY;
    return atMost + addedCount <= this.#parts.maxLength;
  }

  #add(queue: string, addedCount: number): void {
    this.#atMost.set(queue, (this.#atMost.get(queue) ?? 0) + addedCount);
  }

  /** Many may want to know at once; the broker is asked once. */
  #count(queue: string): Promise<void> {
    let counting = this.#counting.get(queue);
    if (!counting) {
      const before = this.#atMost.get(queue) ?? 0;
      counting = this.#parts
        .count(queue)
        .then((count) => {
          const meanwhile = (this.#atMost.get(queue) ?? 0) - before;
          this.#atMost.set(queue, count + meanwhile);
        })
        .finally(() => this.#counting.delete(queue));
      this.#counting.set(queue, counting);
    }
    return counting;
  }
}

function full(name: string, maxLength: number): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "QUEUE_FULL",
    `queue ${name} holds its maximum of ${maxLength} messages`,
    { retryAfterMs: QUEUE_FULL_RETRY_MS },
  );
}
