/**
 * How long tasks take, from a sample of finished ones: the newest of each look, kept for a while.
 * Under load it is a sample, and it favours short tasks a little: those end among the newest.
 */
import { type Task, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { atMs } from "./format.ts";

export interface Finished {
  /** Unix ms. */
  readonly at: number;
  /** From accept to end. */
  readonly totalMs: number;
  /** From accept to the first attempt. */
  readonly waitMs: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly count: number;
}

export interface LatencyPoint extends Percentiles {
  /** Unix seconds: the end of the interval. */
  readonly time: number;
}

/** By task id. */
export type LatencySample = ReadonlyMap<string, Finished>;

export const WINDOW_MS = 30 * 60_000;
const MAX_SAMPLE = 5000;

/** Adds what has finished; forgets what is older than the window, and the oldest beyond the limit. */
export function withTasks(
  sample: LatencySample,
  tasks: readonly Task[],
  now: number,
): LatencySample {
  const next = new Map(sample);
  for (const task of tasks) {
    const finished = finishedOf(task);
    if (finished) next.set(task.taskId, finished);
  }
  const kept = [...next]
    .filter(([, { at }]) => at > now - WINDOW_MS)
    .sort(([, left], [, right]) => left.at - right.at)
    .slice(-MAX_SAMPLE);
  return new Map(kept);
}

/** Canceled tasks say nothing about how long work takes. */
function finishedOf(task: Task): Finished | undefined {
  const [created, started, finished] = [task.createdAt, task.startedAt, task.finishedAt].map(atMs);
  if (created === undefined || finished === undefined) return undefined;
  if (task.state === TaskState.CANCELED) return undefined;
  return {
    at: finished,
    totalMs: Math.max(0, finished - created),
    waitMs: Math.max(0, (started ?? finished) - created),
  };
}

/** Of those that finished after `since`; undefined when there are none. */
export function percentilesOf(
  sample: LatencySample,
  figure: "totalMs" | "waitMs",
  since: number,
): Percentiles | undefined {
  return percentiles(
    [...sample.values()].filter(({ at }) => at > since).map((finished) => finished[figure]),
  );
}

/** A point for each interval up to `now` in which something finished, oldest first. */
export function latencyPoints(
  sample: LatencySample,
  now: number,
  intervalMs: number,
): readonly LatencyPoint[] {
  const buckets = new Map<number, number[]>();
  for (const { at, totalMs } of sample.values()) {
    const bucket = Math.ceil(Math.min(at, now) / intervalMs) * intervalMs;
    const values = buckets.get(bucket) ?? [];
    values.push(totalMs);
    buckets.set(bucket, values);
  }
  return [...buckets]
    .sort(([left], [right]) => left - right)
    .flatMap(([end, values]) => {
      const found = percentiles(values);
      return found ? [{ ...found, time: end / 1000 }] : [];
    });
}

/** By the nearest rank. */
function percentiles(values: number[]): Percentiles | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.sort((left, right) => left - right);
  const rank = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  return { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), count: sorted.length };
}
