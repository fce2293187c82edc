import { afterEach, beforeEach, expect, it } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Claim, Finish, Store } from "../../src/store/contract.ts";
import { measureStore } from "../../src/store/measured-store.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { METRICS } from "../../src/telemetry/metric-definitions.ts";
import { type CollectableMetrics, createMetrics } from "../../src/telemetry/metrics.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import { newTaskId, submission, TENANT, taskError, taskResult } from "../harness/builders.ts";
import { counted, sumOf } from "../harness/counted.ts";

let clock: FakeClock;
let metrics: CollectableMetrics;
let plain: Store;
let store: Store;

beforeEach(async () => {
  clock = fakeClock();
  metrics = createMetrics(clock);
  plain = createMemoryStore({ clock, maxEndedTasks: 100, maxEndedEvents: 1000 });
  store = measureStore(plain, metrics, clock);
  await store.start();
});
afterEach(() => store.stop());

async function claim(): Promise<Claim> {
  const { task } = await store.tasks.create(submission());
  const ref = { tenant: TENANT, taskId: task.taskId };
  const request = { ref, claimId: newTaskId(), workerId: "w1", leaseMs: 1000, spanId: "" };
  const { claim: claimed } = await store.tasks.claim(request);
  if (!claimed) throw new Error("not claimed");
  return claimed;
}

const completed: Finish = {
  afterSequence: 2,
  events: [],
  ending: { state: TaskState.COMPLETED, result: taskResult() },
};
const expired: Finish = {
  ...completed,
  ifExpired: true,
  ending: { state: TaskState.FAILED, error: taskError() },
};

it("times each operation, and tells failures by their reason", async () => {
  const { lease } = await claim();
  await store.tasks.finish(lease, completed);
  await expect(store.log.get({ tenant: TENANT, taskId: "none" })).rejects.toThrow("none");
  expect(await counted(metrics, METRICS.storeOperation)).toMatchObject({
    "memory create": 1,
    "memory claim": 1,
    "memory finish": 1,
    "memory get TASK_NOT_FOUND": 1,
  });
});

it("measures what an operation takes, its own work included", async () => {
  const slow: Store = {
    ...plain,
    check: async () => {
      await clock.advance(300);
    },
  };
  await measureStore(slow, metrics, clock).check();
  expect(await sumOf(metrics, METRICS.storeOperation, "check")).toBeCloseTo(0.3);
});

it("counts the writes and renewals that a stale fence is refused", async () => {
  const { lease } = await claim();
  await store.tasks.finish(lease, completed);
  const stale = { ...lease, fence: lease.fence - 1n };
  await expect(store.tasks.append(stale, 2, [])).rejects.toThrow("no longer valid");
  await expect(store.tasks.finish(stale, completed)).rejects.toThrow("no longer valid");
  await store.tasks.renew([stale, lease], 1000);
  expect(await counted(metrics, METRICS.fenceRefusals)).toEqual({ append: 1, finish: 1, renew: 2 });
});

it("does not count a sweeper that comes second", async () => {
  const { lease } = await claim();
  await clock.advance(2000);
  await store.tasks.finish(lease, expired);
  await expect(store.tasks.finish({ ...lease, fence: lease.fence - 1n }, expired)).rejects.toThrow(
    "no longer valid",
  );
  expect(await counted(metrics, METRICS.fenceRefusals)).toEqual({});
});
