import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CancelMode } from "../../gen/agentlane/store/v1/record_pb.js";
import { AttemptOutcome, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock, systemRandom } from "../../src/clock.ts";
import type { Store } from "../../src/store/contract.ts";
import { batched } from "../../src/store/postgres/batch.ts";
import { readText, writeText } from "../../src/store/postgres/names.ts";
import { createPostgresStore } from "../../src/store/postgres/store.ts";
import { told } from "../conformance/store/scene.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import { executionContext, QUEUE, submission, TENANT, taskResult } from "../harness/builders.ts";
import {
  hasPostgres,
  type PostgresServer,
  sharedPostgres,
  sql,
} from "../harness/postgres-server.ts";

describe("texts", () => {
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "%", "0", "2", "5", "\u0000") }),
    fc.string({ unit: "binary" }).filter((each) => each.isWellFormed()),
  );

  it("come back as they were, without a NUL in between", () => {
    fc.assert(
      fc.property(text, (each) => {
        expect(readText(writeText(each))).toBe(each);
        expect(writeText(each)).not.toContain("\u0000");
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("batches", () => {
  const none = (): Promise<void> => Promise.resolve();

  it("take what arrives while one is under way", async () => {
    const runs: { items: readonly number[]; end: () => void }[] = [];
    const run = (items: readonly number[]): Promise<void> => {
      return new Promise((resolve) => runs.push({ items: [...items], end: resolve }));
    };
    const add = batched<number>(run, 3, none);
    const first = add([1]);
    await expect.poll(() => runs.length).toBe(1);
    const others = [add([2]), add([3, 4]), add([5])];
    expect(runs.map(({ items }) => items)).toEqual([[1]]);
    runs[0]?.end();
    await first;
    await expect.poll(() => runs.length).toBe(2);
    runs[1]?.end();
    await expect.poll(() => runs.length).toBe(3);
    runs[2]?.end();
    await Promise.all(others);
    expect(runs.map(({ items }) => items)).toEqual([[1], [2, 3, 4], [5]]);
  });

  it("take what arrives in the pause before them", async () => {
    const clock = fakeClock();
    const runs: (readonly number[])[] = [];
    const run = async (items: readonly number[]): Promise<void> => void runs.push([...items]);
    const add = batched<number>(run, 10, () => clock.sleep(50));
    const both = [add([1])];
    await clock.advance(49);
    both.push(add([2]));
    expect(runs).toEqual([]);
    await clock.advance(1);
    await Promise.all(both);
    expect(runs).toEqual([[1, 2]]);
  });

  it("fail together, and the next one is tried", async () => {
    let count = 0;
    const run = async (): Promise<void> => {
      if (++count === 1) throw new Error("away");
    };
    const add = batched<number>(run, 10, none);
    const failing = [add([1]), add([2])];
    for (const each of failing) await expect(each).rejects.toThrow("away");
    await add([3]);
    expect(count).toBe(2);
  });
});

/** No release may lose the ability to read it. */
describe.runIf(hasPostgres)("what version 13 of the schema has stored", () => {
  let server: Pick<PostgresServer, "createDatabase" | "stop">;
  let store: Store;
  beforeAll(async () => {
    server = await sharedPostgres();
    const url = await server.createDatabase();
    store = createPostgresStore({
      url,
      clock: systemClock,
      random: systemRandom,
      onWarning: () => undefined,
    });
    await store.start();
    await sql(url, readFileSync(new URL("stored/postgres-13.sql", import.meta.url), "utf8"));
    // So that the tests do not depend on the day they run.
    await sql(
      url,
      "UPDATE agentlane.tasks SET lease_expires_at = 1 WHERE state = 2; UPDATE agentlane.keys SET expires_at = 9e15",
    );
  });
  afterAll(async () => {
    await store.stop();
    await server.stop();
  });

  const ref = (taskId: string) => ({ tenant: TENANT, taskId });

  it("is a completed task with its log", async () => {
    const task = await store.log.get(ref("done"));
    expect(task).toMatchObject({
      state: TaskState.COMPLETED,
      idempotencyKey: "100% sure",
      metadata: { team: "a%b" },
      lastSequence: 5,
      attempts: [{ attempt: 1, workerId: "worker-1", outcome: AttemptOutcome.COMPLETED }],
      result: taskResult("42"),
    });
    const page = await store.log.read(ref("done"), 0, 10);
    expect(told(page.entries)).toEqual(["1", "2", "3 first", "4 last", "5"]);
    const found = await store.log.list(
      TENANT,
      { metadata: { team: "a%b" } },
      { size: 5, token: "" },
    );
    expect(found.items).toEqual([task]);
  });

  it("is a session that goes on", async () => {
    const session = { tenant: TENANT, agentId: "echo", sessionId: "s1" };
    const stored = await store.sessions.load(session);
    expect(stored?.context).toMatchObject({ version: 1n, metadata: { topic: "ships" } });
    expect(await store.sessions.lane(session)).toEqual(["runs", "queued"]);
  });

  it("is a dead letter, a retry, and their figures", async () => {
    const letters = await store.deadLetters.list(
      TENANT,
      { reason: "BROKEN" },
      { size: 5, token: "" },
    );
    expect(letters.items).toMatchObject([{ taskId: "failed", error: { reason: "BROKEN" } }]);
    const waits = await store.log.get(ref("waits"));
    expect(waits).toMatchObject({ state: TaskState.RETRY_WAIT, error: { reason: "AGENT_ERROR" } });
    expect(waits.nextAttemptAt).toBeDefined();
    expect(await store.log.figures(QUEUE)).toMatchObject({
      waitingCount: 2,
      retryWaitCount: 1,
      runningCount: 1,
      completedCount: 1,
      failedCount: 1,
      deadLetterCount: 1,
      attemptCount: 3,
    });
  });

  it("is a lease that has ended since, of an attempt that is to be canceled", async () => {
    const [expired] = await store.tasks.expired(10);
    expect(expired).toMatchObject({
      lease: ref("runs"),
      record: { cancelMode: CancelMode.KEEP, cancelReason: "enough" },
    });
    if (!expired) throw new Error("no lease has expired");
    const ending = { state: TaskState.COMPLETED, result: taskResult() } as const;
    const session = executionContext({ version: 2n });
    const finish = { afterSequence: 2, events: [], ending, session };
    const { task, effects } = await store.tasks.finish(expired.lease, finish);
    expect(task.state).toBe(TaskState.COMPLETED);
    expect(effects.doorbells.map(({ taskId }) => taskId)).toEqual(["queued"]);
  });

  it("is an idempotency key that leads to its task", async () => {
    const overrides = { task: { idempotencyKey: "100% sure" }, requestDigest: "d1" };
    const { task, existing } = await store.tasks.create(submission(overrides));
    expect([existing, task.taskId]).toEqual([true, "done"]);
  });
});
