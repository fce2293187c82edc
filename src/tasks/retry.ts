/** What follows a failed attempt, pure. */
import type { TaskRecord } from "../../gen/agentlane/store/v1/record_pb.js";
import { type TaskError, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Random } from "../clock.ts";
import type { Ending } from "../store/contract.ts";

export interface Backoff {
  readonly initialMs: number;
  readonly multiplier: number;
  readonly maxMs: number;
}

/**
 * Full jitter: uniform in [0, min(max, initial × multiplier^(n−1))] for the n-th failed attempt
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A provider's
 * Retry-After is a lower bound, on which the jitter is added.
 */
export function backoffDelayMs(
  backoff: Backoff,
  failedAttempts: number,
  random: Random,
  retryAfterMs = 0,
): number {
  const exponent = Math.max(0, failedAttempts - 1);
  const bound = Math.min(backoff.maxMs, backoff.initialMs * backoff.multiplier ** exponent);
  return retryAfterMs + Math.floor(random() * bound);
}

/**
 * RETRY_WAIT when the error is retryable and an attempt is left, FAILED otherwise. `waitedMs`: how
 * long the task has done nothing already, which is part of its backoff.
 */
export function endingAfterFailure(
  record: TaskRecord,
  error: TaskError,
  random: Random,
  options: { retryAfterMs?: number; leaseExpired?: boolean; waitedMs?: number } = {},
): Ending {
  // The attempt that just failed is consumed by the very write that this ending goes into.
  const failedAttempts = (record.task?.consumedAttempts ?? 0) + 1;
  const leaseExpired = options.leaseExpired ?? false;
  const maxAttempts = record.task?.maxAttempts ?? 1;
  if (!error.retryable || failedAttempts >= maxAttempts) {
    return { state: TaskState.FAILED, error, leaseExpired };
  }
  const backoff: Backoff = {
    initialMs: Number(record.initialBackoffMs),
    multiplier: record.backoffMultiplier,
    maxMs: Number(record.maxBackoffMs),
  };
  const backoffMs = backoffDelayMs(backoff, failedAttempts, random, options.retryAfterMs);
  const delayMs = Math.max(0, backoffMs - (options.waitedMs ?? 0));
  return { state: TaskState.RETRY_WAIT, error, delayMs, leaseExpired };
}

/** Why an attempt ended as it did; empty for a success. */
export function reasonOf(ending: Ending): string {
  return "error" in ending ? ending.error.reason : "";
}
