/**
 * The way of an attempt's events into the store. What comes in one turn of the event loop goes into
 * one append, and what arrives while that is in flight into the next: batching follows load, and an
 * idle stream is delayed by less than a turn. Reading a batch costs its watchers as little. An append
 * is bounded in events and in bytes: a store, and what it publishes to, takes only so much at once.
 */
import type { TaskEvent } from "../../gen/agentlane/v1/task_pb.js";
import type { Clock, Timer } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import type { Lease, TaskStore } from "../store/contract.ts";
import type { Dispatcher } from "../tasks/dispatcher.ts";
import { approximateBytes } from "../tasks/log-entries.ts";
import { timestamp } from "../timestamp.ts";
import { createPendingEvents } from "./pending-events.ts";

/**
 * What one attempt may add to its task's log. Without a limit a graph in a loop fills the store. A
 * task's whole log is bounded by this times its attempts; the result of its ending is not counted.
 */
export interface LogLimits {
  /** MAX_TASK_EVENTS. */
  readonly maxEvents: number;
  /** MAX_TASK_LOG_BYTES, approximately. */
  readonly maxBytes: number;
}

export interface EventLogParts {
  readonly tasks: TaskStore;
  readonly dispatcher: Pick<Dispatcher, "dispatch">;
  readonly clock: Clock;
  readonly lease: Lease;
  readonly limits: LogLimits;
  /** Repeats a write while the store is unavailable and the lease may still be valid. */
  readonly persist: <T>(write: () => Promise<T>) => Promise<T>;
  /** An append was refused or given up, or a limit is reached: the attempt is over. */
  readonly onFailure: (error: unknown) => void;
}

export interface EventLog {
  /** Undefined as a rule; with too many events waiting, resolves when there is room. After close it does nothing. */
  push(kind: TaskEvent["kind"]): Promise<void> | undefined;
  /**
   * Waits for the append in flight and hands over what was not appended, for `finish`: at most as
   * much as goes into one append, after others where it is more.
   */
  close(): Promise<{ afterSequence: number; events: TaskEvent[] }>;
}

/** An append that waits for its turn, or is in flight. */
interface Flush {
  /** Undefined once it is in flight. */
  timer: Timer | undefined;
  readonly done: PromiseWithResolvers<void>;
}

export function createEventLog(parts: EventLogParts, startSequence: number): EventLog {
  let afterSequence = startSequence;
  const pending = createPendingEvents();
  let flush: Flush | undefined;
  let closed = false;
  let eventCount = 0;
  let byteCount = 0;

  function plan(): Flush {
    const planned: Flush = {
      timer: parts.clock.setTimer(0, () => void run(planned)),
      done: Promise.withResolvers(),
    };
    return planned;
  }

  async function run(running: Flush): Promise<void> {
    running.timer = undefined;
    try {
      await append();
    } catch (error) {
      closed = true;
      parts.onFailure(error);
    }
    flush = !pending.isEmpty && !closed ? plan() : undefined;
    running.done.resolve();
  }

  async function append(): Promise<void> {
    const events = pending.take();
    const { lastSequence, effects } = await parts.persist(() =>
      parts.tasks.append(parts.lease, afterSequence, events),
    );
    afterSequence = lastSequence;
    await parts.dispatcher.dispatch(effects);
  }

  async function room(): Promise<void> {
    while (pending.isFull && flush && !closed) await flush.done.promise;
  }

  /** Undefined while there is room for the event. */
  function overflow(bytes: number): AgentlaneError | undefined {
    const { maxEvents, maxBytes } = parts.limits;
    eventCount++;
    byteCount += bytes;
    if (eventCount > maxEvents) return tooLarge(`${maxEvents} events`, "MAX_TASK_EVENTS");
    if (byteCount > maxBytes) return tooLarge(`${maxBytes} bytes`, "MAX_TASK_LOG_BYTES");
    return undefined;
  }

  return {
    push(kind) {
      if (closed) return undefined;
      const bytes = approximateBytes({ kind });
      const failure = overflow(bytes);
      if (failure) {
        closed = true;
        parts.onFailure(failure);
        return undefined;
      }
      const createdAt = timestamp(parts.clock.now());
      pending.add({ $typeName: "agentlane.v1.TaskEvent", createdAt, kind }, bytes);
      flush ??= plan();
      return pending.isFull ? room() : undefined;
    },
    async close() {
      closed = true;
      if (flush?.timer) {
        flush.timer.clear();
        flush.done.resolve();
      }
      await flush?.done.promise;
      try {
        while (pending.isMore) await append();
      } catch (error) {
        parts.onFailure(error);
      }
      return { afterSequence, events: pending.take() };
    },
  };
}

/** Another attempt would emit as much. */
function tooLarge(limit: string, variable: string): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "OUTPUT_TOO_LARGE",
    `the attempt emitted more than ${limit}, which is the limit (${variable}); emit less or raise it`,
    { retryable: false },
  );
}
