import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import {
  GetTaskManagerStatusResponseSchema,
  QueueStatsSchema,
} from "../../gen/agentlane/v1/operations_service_pb.js";
import { AttemptOutcome, TaskSchema, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import {
  MAX_SAMPLES,
  type Reading,
  type Sample,
  sampleOf,
  withSample,
} from "../../src/console/model/figures.ts";
import {
  formatAgo,
  formatCount,
  formatDuration,
  formatRate,
} from "../../src/console/model/format.ts";
import { latencyPoints, percentilesOf, withTasks } from "../../src/console/model/latency.ts";
import { timelineOf } from "../../src/console/model/timeline.ts";

function reading(at: number, completed: bigint, failed = 0n): Reading {
  return {
    at,
    status: create(GetTaskManagerStatusResponseSchema, { runningTasks: 2, workerCount: 10 }),
    queues: [
      create(QueueStatsSchema, {
        completedMessages: completed,
        failedMessages: failed,
        pendingMessages: 3,
      }),
      create(QueueStatsSchema, { completedMessages: 0n, pendingMessages: 4 }),
    ],
    workers: [],
  };
}

test("throughput is what the counters gained, over the time it took", () => {
  const sample = sampleOf(reading(12_000, 130n, 2n), reading(10_000, 100n));
  expect(sample).toMatchObject({ completedRate: 15, failedRate: 1, pending: 7, running: 2 });
});

test("where nothing can be said, nothing is: at first, after a gap, with a new store", () => {
  expect(sampleOf(reading(1000, 5n), undefined).completedRate).toBe(null);
  expect(sampleOf(reading(61_000, 5n), reading(1000, 0n)).completedRate).toBe(null);
  expect(sampleOf(reading(3000, 0n), reading(1000, 5n)).completedRate).toBe(null);
});

test("the newest samples are kept", () => {
  let samples: readonly Sample[] = [];
  for (let at = 1; at <= MAX_SAMPLES + 10; at++) {
    samples = withSample(samples, sampleOf(reading(at * 1000, 0n), undefined));
  }
  expect([samples.length, samples[0]?.time]).toEqual([MAX_SAMPLES, 11]);
});

const NOW = 1_800_000_000_000;

function task(id: number, endedAgoMs: number, tookMs: number, state = TaskState.COMPLETED) {
  const finished = NOW - endedAgoMs;
  return create(TaskSchema, {
    taskId: `t${id}`,
    state,
    createdAt: timestampFromMs(finished - tookMs),
    startedAt: timestampFromMs(finished - tookMs / 2),
    finishedAt: timestampFromMs(finished),
  });
}

test("percentiles of what finished lately, each task once", () => {
  const tasks = Array.from({ length: 100 }, (_, index) => task(index, 1000 + index, index + 1));
  const sample = withTasks(withTasks(new Map(), tasks, NOW), tasks, NOW);
  const found = percentilesOf(sample, "totalMs", NOW - 60_000);
  expect(found).toEqual({ p50: 50, p95: 95, p99: 99, count: 100 });
  expect(percentilesOf(sample, "waitMs", NOW - 60_000)?.p50).toBe(25);
  expect(percentilesOf(sample, "totalMs", NOW)).toBeUndefined();
});

test("canceled and old tasks do not count, and the sample is bounded", () => {
  const tasks = [task(1, 1000, 10, TaskState.CANCELED), task(2, 31 * 60_000, 10)];
  expect(withTasks(new Map(), tasks, NOW).size).toBe(0);
  const many = Array.from({ length: 6000 }, (_, index) => task(index, 6000 - index, 5));
  const kept = withTasks(new Map(), many, NOW);
  expect([kept.size, kept.has("t0"), kept.has("t5999")]).toEqual([5000, false, true]);
});

test("points of a line, one for each interval in which something finished", () => {
  const sample = withTasks(
    new Map(),
    [task(1, 500, 10), task(2, 700, 30), task(3, 25_000, 7)],
    NOW,
  );
  const points = latencyPoints(sample, NOW, 10_000);
  expect(points.map(({ time, p50, p99, count }) => [time - NOW / 1000, p50, p99, count])).toEqual([
    [-20, 7, 7, 1],
    [0, 10, 30, 2],
  ]);
});

test("a task's life has no holes", () => {
  const at = (ms: number) => timestampFromMs(NOW + ms);
  const retried = create(TaskSchema, {
    createdAt: at(0),
    startedAt: at(10),
    finishedAt: at(100),
    attempts: [
      { attempt: 1, startedAt: at(10), finishedAt: at(30), outcome: AttemptOutcome.FAILED },
      { attempt: 2, startedAt: at(60), finishedAt: at(100), outcome: AttemptOutcome.COMPLETED },
    ],
  });
  const spans = timelineOf(retried, NOW + 500);
  expect(spans.map(({ tone, fromMs, toMs }) => [tone, fromMs - NOW, toMs - NOW])).toEqual([
    ["wait", 0, 10],
    ["bad", 10, 30],
    ["wait", 30, 60],
    ["good", 60, 100],
  ]);
  const queued = create(TaskSchema, { createdAt: at(0) });
  expect(timelineOf(queued, NOW + 5)).toMatchObject([{ label: "Queued", tone: "wait" }]);
});

test("figures as people read them", () => {
  expect([undefined, 0, 0.42, 12.4, 3400, 59_999, 125_000, 11_520_000].map(formatDuration)).toEqual(
    [...["–", "0 ms", "0.4 ms", "12 ms", "3.4 s", "1 min", "2 min 5 s", "3 h 12 min"]],
  );
  expect([0, 0.25, 3.14, 120].map(formatRate)).toEqual(["0", "0.25", "3.1", "120"]);
  expect([999, 9999, 12_345, 4_500_000, 7n].map(formatCount)).toEqual([
    ...["999", "9,999", "12.3 k", "4.5 M", "7"],
  ]);
  expect([0, 5000, 90_000, -3000].map((ago) => formatAgo(NOW - ago, NOW))).toEqual([
    ...["just now", "5 s ago", "1 min ago", "in 3 s"],
  ]);
});
