import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { type Backoff, backoffDelayMs, endingAfterFailure } from "../../src/tasks/retry.ts";
import { record, taskError } from "../harness/builders.ts";

const backoff: Backoff = { initialMs: 1000, multiplier: 2, maxMs: 60_000 };
const ALMOST_ONE = 1 - Number.EPSILON;

describe("the delay before the next attempt", () => {
  it.each([
    [1, 1000],
    [2, 2000],
    [3, 4000],
    [6, 32_000],
    [7, 60_000],
    [100, 60_000],
    [5000, 60_000],
  ])("after %i failed attempts is below %i ms", (failedAttempts, boundMs) => {
    expect(backoffDelayMs(backoff, failedAttempts, () => 0)).toBe(0);
    expect(backoffDelayMs(backoff, failedAttempts, () => 0.5)).toBe(boundMs / 2);
    expect(backoffDelayMs(backoff, failedAttempts, () => ALMOST_ONE)).toBe(boundMs - 1);
  });

  it("is a whole number in [Retry-After, Retry-After + bound) for any policy and chance", () => {
    const policy = fc.record({
      initialMs: fc.integer({ min: 0, max: 3_600_000 }),
      multiplier: fc.double({ min: 1, max: 100, noNaN: true }),
      maxMs: fc.integer({ min: 0, max: 86_400_000 }),
    });
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const attempts = fc.integer({ min: 1, max: 100 });
    const retryAfter = fc.integer({ min: 0, max: 3_600_000 });
    fc.assert(
      fc.property(policy, attempts, chance, retryAfter, (given, failed, random, afterMs) => {
        const delayMs = backoffDelayMs(given, failed, () => random, afterMs);
        expect(Number.isInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(afterMs);
        expect(delayMs - afterMs).toBeLessThanOrEqual(given.maxMs);
        expect(delayMs - afterMs).toBeLessThanOrEqual(
          given.initialMs * given.multiplier ** (failed - 1),
        );
      }),
    );
  });

  it("is spread over the whole range, so that a herd does not come back together", () => {
    const buckets = new Set<number>();
    for (let step = 0; step < 100; step++) {
      buckets.add(Math.floor(backoffDelayMs(backoff, 3, () => step / 100) / 400));
    }
    expect(buckets.size).toBe(10);
  });
});

describe("what follows a failed attempt", () => {
  const half = (): number => 0.5;

  function following(consumedAttempts: number, maxAttempts: number, retryable = true) {
    const failed = record({ task: { consumedAttempts, maxAttempts } });
    return endingAfterFailure(failed, taskError({ retryable }), half);
  }

  it("is another attempt while one is left", () => {
    expect(following(0, 3)).toMatchObject({ state: TaskState.RETRY_WAIT, delayMs: 500 });
    expect(following(1, 3)).toMatchObject({ state: TaskState.RETRY_WAIT, delayMs: 1000 });
  });

  it("is a dead letter when the last one failed: maxAttempts counts the first", () => {
    expect(following(2, 3).state).toBe(TaskState.FAILED);
    expect(following(0, 1).state).toBe(TaskState.FAILED);
  });

  it("is a dead letter at once when the error is not retryable", () => {
    expect(following(0, 3, false).state).toBe(TaskState.FAILED);
  });

  it("does not wait again for what the task has waited already", () => {
    const delays = [0, 200, 500, 15_000].map((waitedMs) => {
      return endingAfterFailure(record(), taskError(), half, { waitedMs });
    });
    expect(delays).toMatchObject([
      { delayMs: 500 },
      { delayMs: 300 },
      { delayMs: 0 },
      { delayMs: 0 },
    ]);
  });

  it("says whether the lease expired, and keeps the cause", () => {
    const error = taskError({ reason: "LEASE_EXPIRED" });
    const options = { leaseExpired: true, retryAfterMs: 7000 };
    expect(endingAfterFailure(record(), error, half, options)).toEqual({
      state: TaskState.RETRY_WAIT,
      error,
      delayMs: 7500,
      leaseExpired: true,
    });
  });
});
