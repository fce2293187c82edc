/**
 * The worker: takes doorbells from its queues, claims their tasks and runs them, one per slot.
 * Stopping has two phases: take nothing new and let attempts finish; then hand back what still runs.
 */
import type { Notice } from "../../gen/agentlane/store/v1/record_pb.js";
import type { Service } from "../lifecycle.ts";
import { service } from "../lifecycle.ts";
import {
  type Consumer,
  type EventBus,
  type MessageQueue,
  type Subscription,
  WORKERS_TOPIC,
} from "../queue/contract.ts";
import type { TaskRef } from "../store/contract.ts";
import type { AttemptParts, RunningAttempt } from "./attempt.ts";
import { createDoorbells, RETRY_MS } from "./doorbells.ts";

export interface WorkerPoolParts extends AttemptParts {
  readonly queue: MessageQueue;
  readonly bus: EventBus;
  readonly workerId: string;
  readonly queues: readonly string[];
  /** Attempts at once. */
  readonly slots: number;
  readonly leaseMs: number;
  /** Called when a slot becomes busy or free. */
  readonly onChange: () => void;
}

export interface WorkerPool extends Service {
  /** Takes nothing new; resolves when no attempt runs, or after `timeoutMs`, when stop hands back. */
  drain(timeoutMs: number): Promise<void>;
  busyCount(): number;
  /** Monotonic: when the oldest running attempt started; undefined = none runs. */
  oldestStartedAt(): number | undefined;
  draining(): boolean;
  /** When the queue last answered; 0 before. */
  lastPolledAt(): number;
}

export function createWorkerPool(parts: WorkerPoolParts): WorkerPool {
  const { queue, bus, clock } = parts;
  const running = new Set<RunningAttempt>();
  let receiving = new AbortController();
  let consumer: Consumer | undefined;
  let subscription: Subscription | undefined;
  let loops: Promise<void>[] = [];
  let closing = false;
  const doorbells = createDoorbells({
    ...parts,
    queueType: queue.type,
    onStart(attempt) {
      running.add(attempt);
      // Its claim was under way when the others were handed back.
      if (closing) attempt.release();
      parts.onChange();
    },
  });

  async function slot(consuming: Consumer, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const delivery = await consuming.receive(signal);
        if (!delivery) return;
        const attempt = await doorbells.answer(delivery);
        if (attempt) await ended(attempt);
      } catch (error) {
        parts.onProblem("a delivery could not be handled", error, { tenant: "", taskId: "" });
        await clock.sleep(RETRY_MS * (1 + parts.random()), signal);
      }
    }
  }

  async function ended(attempt: RunningAttempt): Promise<void> {
    await attempt.done;
    running.delete(attempt);
    parts.onChange();
  }

  function onNotice(notice: Notice): void {
    if (notice.kind.case === "sessionReplaced") {
      const { agentId, sessionId } = notice.kind.value;
      parts.instances.evict({ tenant: notice.tenant, agentId, sessionId });
    } else if (notice.kind.case === "cancelRequested") {
      const { mode, reason } = notice.kind.value;
      find(running, notice)?.cancel(mode, reason);
      doorbells.cancel(notice, notice.kind.value);
    }
  }

  async function open(): Promise<void> {
    receiving = new AbortController();
    closing = false;
    subscription = await bus.subscribe(WORKERS_TOPIC, onNotice);
    const { queues, workerId, slots, leaseMs } = parts;
    const opened = await queue.consume({ queues, workerId, prefetch: slots, leaseMs });
    consumer = opened;
    loops = Array.from({ length: slots }, () => slot(opened, receiving.signal));
  }

  async function close(): Promise<void> {
    receiving.abort();
    closing = true;
    for (const attempt of running) attempt.release();
    await Promise.all(loops);
    await consumer?.close();
    subscription?.close();
  }

  return {
    ...service(open, close),
    async drain(timeoutMs) {
      receiving.abort();
      const waited = new AbortController();
      const finished = Promise.all(loops).finally(() => waited.abort());
      await Promise.race([finished, clock.sleep(timeoutMs, waited.signal)]);
      waited.abort();
    },
    busyCount: () => running.size,
    oldestStartedAt() {
      let oldest: number | undefined;
      for (const { startedAt } of running) oldest = Math.min(oldest ?? startedAt, startedAt);
      return oldest;
    },
    draining: () => receiving.signal.aborted,
    lastPolledAt() {
      // A worker whose slots are all busy does not poll, and is none the worse for it.
      if (running.size >= parts.slots) return clock.now();
      return consumer?.lastPolledAt() ?? 0;
    },
  };
}

function find(running: Iterable<RunningAttempt>, ref: TaskRef): RunningAttempt | undefined {
  for (const attempt of running) {
    if (attempt.taskId === ref.taskId && attempt.tenant === ref.tenant) return attempt;
  }
  return undefined;
}
