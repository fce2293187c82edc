/**
 * From a doorbell to a running attempt. The message is acked once the claim is recorded, or refused
 * because the task is not ready.
 */
import type { CancelRequested, QueueMessage } from "../../gen/agentlane/store/v1/record_pb.js";
import { isKind } from "../errors.ts";
import type { Delivery } from "../queue/contract.ts";
import type { Claim, ClaimRequest, TaskRef, TaskStore } from "../store/contract.ts";
import { type AttemptParts, type RunningAttempt, startAttempt } from "./attempt.ts";
import { startAttemptSpan } from "./attempt-span.ts";

/** A store or broker that does not answer is asked again after this, plus as much jitter. */
export const RETRY_MS = 500;

/** A claim whose reply is lost is repeated; given up, it would cost its lease and an attempt. */
const CLAIM_REPEATS = 2;
/** Before each repeat, plus as much jitter; all of them together are short beside a lease. */
const CLAIM_REPEAT_MS = 200;

export interface DoorbellParts extends AttemptParts {
  readonly queueType: string;
  readonly workerId: string;
  readonly leaseMs: number;
  /** Called with every attempt as it starts. */
  readonly onStart: (attempt: RunningAttempt) => void;
}

export interface Doorbells {
  /** Undefined when the claim was refused. */
  answer(delivery: Delivery): Promise<RunningAttempt | undefined>;
  /** For a claim whose answer the cancel has overtaken. */
  cancel(ref: TaskRef, request: CancelRequested): void;
}

interface Claiming extends TaskRef {
  cancel: CancelRequested | undefined;
}

export function createDoorbells(parts: DoorbellParts): Doorbells {
  const { store, dispatcher, clock, random, workerId, leaseMs } = parts;
  const claiming = new Set<Claiming>();

  async function claim(
    delivery: Delivery,
    ref: TaskRef,
    spanId: string,
  ): Promise<Claim | undefined> {
    try {
      const claimId = parts.newId();
      const { claim, effects } = await ask({ ref, workerId, claimId, leaseMs, spanId });
      await settled(delivery.ack(), ref);
      await dispatcher.dispatch(effects);
      return claim;
    } catch (error) {
      await settled(delivery.nack({ delayMs: RETRY_MS * (1 + random()) }), ref);
      throw error;
    }
  }

  async function ask(request: ClaimRequest): ReturnType<TaskStore["claim"]> {
    for (let repeats = 0; ; repeats++) {
      try {
        return await store.tasks.claim(request);
      } catch (error) {
        if (!isKind(error, "unavailable") || repeats === CLAIM_REPEATS) throw error;
      }
      await clock.sleep(CLAIM_REPEAT_MS * (1 + random()));
    }
  }

  /** A broker that did not hear it delivers the message again, and then its claim is refused. */
  function settled(settling: Promise<void>, ref: TaskRef): Promise<void> {
    return settling.catch((error: unknown) => {
      parts.onProblem("a delivery was not settled", error, ref);
    });
  }

  return {
    async answer(delivery) {
      const { message } = delivery;
      const { tenant, taskId } = message;
      const span = startAttemptSpan(message, parts.queueType);
      const claimedAt = clock.monotonic();
      const pending: Claiming = { tenant, taskId, cancel: undefined };
      claiming.add(pending);
      try {
        const claimed = await claim(delivery, { tenant, taskId }, span.spanId);
        if (!claimed) return undefined;
        const waitedMs = queueWaitMs(message, clock.now());
        span.claimed(claimed.record, workerId, waitedMs);
        parts.record.started(claimed, message, waitedMs, span.spanId);
        const attempt = startAttempt(parts, claimed, claimedAt, span);
        if (pending.cancel) attempt.cancel(pending.cancel.mode, pending.cancel.reason);
        parts.onStart(attempt);
        return attempt;
      } finally {
        claiming.delete(pending);
      }
    },
    cancel({ tenant, taskId }, request) {
      for (const pending of claiming) {
        if (pending.taskId === taskId && pending.tenant === tenant) pending.cancel = request;
      }
    },
  };
}

function queueWaitMs(message: QueueMessage, now: number): number {
  const { publishedAt } = message;
  if (!publishedAt) return 0;
  return Math.max(0, now - Number(publishedAt.seconds) * 1000 - publishedAt.nanos / 1e6);
}
