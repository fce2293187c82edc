/**
 * The way of an attempt's events into the store. One append is in flight; what arrives meanwhile
 * goes into the next one: batching follows load, and an idle stream pays no delay.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type TaskEvent, TaskEventSchema } from "../../gen/agentlane/v1/task_pb.js";
import type { Clock } from "../clock.ts";
import type { Lease, TaskStore } from "../store/contract.ts";
import type { Dispatcher } from "../tasks/dispatcher.ts";

/** Events waiting for the next append; a producer that is faster than the store waits for it. */
const MAX_PENDING_COUNT = 1024;

export interface EventLogParts {
  readonly tasks: TaskStore;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly lease: Lease;
  /** Repeats a write while the store is unavailable and the lease may still be valid. */
  readonly persist: <T>(write: () => Promise<T>) => Promise<T>;
  /** An append was refused or given up: the attempt is over. */
  readonly onFailure: (error: unknown) => void;
}

export interface EventLog {
  /** Resolves at once as a rule, and late when the store is behind. After close it does nothing. */
  push(kind: TaskEvent["kind"]): Promise<void> | undefined;
  /** Waits for the append in flight and hands over what was not appended, for `finish`. */
  close(): Promise<{ afterSequence: number; events: TaskEvent[] }>;
}

export function createEventLog(parts: EventLogParts, startSequence: number): EventLog {
  let afterSequence = startSequence;
  let pending: TaskEvent[] = [];
  let flushing: Promise<void> | undefined;
  let closed = false;

  async function flush(): Promise<void> {
    while (pending.length > 0 && !closed) {
      const events = pending;
      pending = [];
      const { lastSequence, effects } = await parts.persist(() =>
        parts.tasks.append(parts.lease, afterSequence, events),
      );
      afterSequence = lastSequence;
      await parts.dispatcher.dispatch(effects);
    }
  }

  function startFlush(): void {
    flushing = flush()
      .catch((error: unknown) => {
        closed = true;
        parts.onFailure(error);
      })
      .finally(() => {
        flushing = undefined;
        if (pending.length > 0 && !closed) startFlush();
      });
  }

  return {
    push(kind) {
      if (closed) return undefined;
      const createdAt = timestampFromMs(parts.clock.now());
      pending.push(create(TaskEventSchema, { createdAt, kind }));
      if (!flushing) startFlush();
      return pending.length >= MAX_PENDING_COUNT ? flushing : undefined;
    },
    async close() {
      closed = true;
      await flushing;
      return { afterSequence, events: pending };
    },
  };
}
