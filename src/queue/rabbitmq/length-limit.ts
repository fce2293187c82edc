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
  /** What it was when last asked, and all that was published since: never less than there is. */
  readonly #atMost = new Map<string, number>();

  constructor(parts: LengthLimitParts) {
    this.#parts = parts;
  }

  /** Rejects with `resource_exhausted` and admits nothing when one of the queues would be too long. */
  async admit(messages: readonly QueueMessage[]): Promise<void> {
    const { maxLength, count } = this.#parts;
    const added = Map.groupBy(messages, ({ queue }) => queue);
    for (const [queue, { length }] of added) {
      if ((this.#atMost.get(queue) ?? maxLength) + length <= maxLength) continue;
      const counted = await count(queue);
      this.#atMost.set(queue, counted);
      if (counted + length > maxLength) throw full(queue, maxLength);
    }
    for (const [queue, { length }] of added) {
      this.#atMost.set(queue, (this.#atMost.get(queue) ?? 0) + length);
    }
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
