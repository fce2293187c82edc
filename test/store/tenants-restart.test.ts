/** What is left of a tenant's counts and its line when the process that kept them is gone? */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock } from "../../src/clock.ts";
import type { Store } from "../../src/store/contract.ts";
import { createRedisStore } from "../../src/store/redis/store.ts";
import { createSqliteStore } from "../../src/store/sqlite/store.ts";
import { newTaskId, QUEUE, submission, TENANT, taskResult } from "../harness/builders.ts";
import {
  connectionTo,
  dropKeys,
  hasRedis,
  newPrefix,
  sharedRedis,
} from "../harness/redis-server.ts";

const limits = { window: 2, maxRunningTasks: 2, maxQueuedTasks: 3 };

function claim(store: Store, taskId: string) {
  const ref = { tenant: TENANT, taskId };
  const claimId = newTaskId();
  return store.tasks.claim({ ref, workerId: "w1", claimId, leaseMs: 60_000, spanId: "" });
}

async function readyOf(store: Store): Promise<string[]> {
  return (await store.tasks.ready(QUEUE, "", 10)).map(({ taskId }) => taskId);
}

async function restart(open: () => Store): Promise<void> {
  const before = open();
  await before.start();
  const ids: string[] = [];
  for (let index = 0; index < 4; index++) {
    const { task } = await before.tasks.create(submission({ limits }));
    ids.push(task.taskId);
    if (index === 0) await claim(before, task.taskId);
  }
  await before.stop();
  const after = open();
  await after.start();
  expect(await after.tenants.usage(TENANT)).toMatchObject({
    queuedCount: 3,
    runningCount: 1,
    heldCount: 2,
    storedBytes: 400,
  });
  await expect(after.tasks.create(submission({ limits }))).rejects.toMatchObject({
    reason: "TENANT_QUEUED_TASKS",
  });
  const [rung = ""] = await readyOf(after);
  expect(rung).toBe(ids[1]);
  const { claim: claimed } = await claim(after, rung);
  if (!claimed) throw new Error("not claimed");
  expect(await readyOf(after)).toEqual([]);
  const ending = { state: TaskState.COMPLETED as const, result: taskResult() };
  await after.tasks.finish(claimed.lease, { afterSequence: 2, events: [], ending });
  expect(await readyOf(after)).toEqual([ids[2]]);
  await after.stop();
}

describe("after a restart a tenant has what it had before", () => {
  it("in SQLite", async () => {
    const folder = mkdtempSync(join(tmpdir(), "agentlane-tenants-"));
    const path = join(folder, "store.db");
    await restart(() => createSqliteStore({ path, clock: systemClock, synchronous: "normal" }));
    rmSync(folder, { recursive: true });
  });

  it.runIf(hasRedis)("in Redis", async () => {
    const server = await sharedRedis();
    const prefix = newPrefix();
    await restart(() => createRedisStore({ connection: connectionTo(server.url), prefix }));
    await dropKeys(server.url, prefix);
    await server.stop();
  });
});
