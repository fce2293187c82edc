/** What breaks if PostgreSQL, or the way to it, fails between two steps? */
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { isKind } from "../../src/errors.ts";
import type { Lease, Store, TaskRef } from "../../src/store/contract.ts";
import { createPostgresStore, type PostgresStoreOptions } from "../../src/store/postgres/store.ts";
import { startTcpProxy, type TcpProxy } from "../fakes/tcp-proxy.ts";
import {
  executionContext,
  messageEvents,
  newTaskId,
  QUEUE,
  type SubmissionOverrides,
  submission,
  TENANT,
  taskError,
  taskResult,
} from "../harness/builders.ts";
import {
  hasPostgres,
  type PostgresServer,
  sql,
  startPostgres,
} from "../harness/postgres-server.ts";

describe.runIf(hasPostgres)("the PostgreSQL store in an outage", () => {
  let server: PostgresServer;
  let url = "";
  const disposals: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    // A killed server loses nothing that it has handed to the kernel; only a power cut would need fsync.
    server = await startPostgres();
  });
  beforeEach(async () => {
    await server.start();
    url = await server.createDatabase();
  });
  afterEach(async () => {
    for (const dispose of disposals.splice(0).reverse()) await dispose();
  });
  afterAll(() => server.stop());

  function storeAt(at: string, options: Partial<PostgresStoreOptions> = {}): Store {
    const store = createPostgresStore({
      url: at,
      clock: systemClock,
      random: systemRandom,
      onWarning: () => undefined,
      ...options,
    });
    disposals.push(() => store.stop());
    return store;
  }

  async function started(options: Partial<PostgresStoreOptions> = {}, at = url): Promise<Store> {
    const store = storeAt(at, options);
    await store.start();
    return store;
  }

  async function proxied(): Promise<{ proxy: TcpProxy; at: string }> {
    const proxy = await startTcpProxy(server.port);
    disposals.push(() => proxy.stop());
    return { proxy, at: url.replace(`:${server.port}/`, `:${proxy.port}/`) };
  }

  async function accept(store: Store, overrides: SubmissionOverrides = {}): Promise<TaskRef> {
    const { task } = await store.tasks.create(submission(overrides));
    return { tenant: TENANT, taskId: task.taskId };
  }

  const claimOf = (ref: TaskRef) => {
    return { ref, workerId: "w1", claimId: newTaskId(), leaseMs: 60_000, spanId: "" };
  };

  async function claim(store: Store, ref: TaskRef) {
    const { claim: claimed } = await store.tasks.claim(claimOf(ref));
    if (!claimed) throw new Error("not claimed");
    return claimed;
  }

  const completed = () => ({ state: TaskState.COMPLETED, result: taskResult() }) as const;

  /** Repeats until the store answers; fails after thirty seconds. */
  async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
    const endAt = systemClock.monotonic() + 30_000;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!isKind(error, "unavailable") || systemClock.monotonic() > endAt) throw error;
      }
      await systemClock.sleep(10);
    }
  }

  async function took(call: () => Promise<unknown>): Promise<number> {
    const startedAtMs = systemClock.monotonic();
    await call();
    return systemClock.monotonic() - startedAtMs;
  }

  const unavailable = { kind: "unavailable", retryable: true, retryAfterMs: expect.any(Number) };

  it("keeps everything over a crash of the server", async () => {
    const store = await started();
    const key = { task: { idempotencyKey: "k1" }, requestDigest: "d1" };
    const queued = await accept(store, key);
    const { lease } = await claim(store, await accept(store, { task: { sessionId: "s1" } }));
    await store.tasks.append(lease, 2, messageEvents("a"));
    await server.kill();
    await expect(store.check()).rejects.toMatchObject(unavailable);
    await expect(accept(store)).rejects.toMatchObject(unavailable);
    await server.start();
    const finish = { afterSequence: 3, events: [], ending: completed() };
    const session = executionContext();
    await untilAnswered(() => store.tasks.finish(lease, { ...finish, session }));
    expect(await accept(store, key)).toEqual(queued);
    const page = await store.log.read(lease, 0, 10);
    expect(page).toMatchObject({ firstSequence: 1, lastSequence: 4, terminal: true });
    const ref = { tenant: TENANT, agentId: "echo", sessionId: "s1" };
    expect((await store.sessions.load(ref))?.context.version).toBe(1n);
  });

  it.each([
    ["its connections are terminated", async () => void (await server.terminateAll())],
    ["the server is restarted", () => server.shutDown().then(() => server.start())],
    ["the server is killed", () => server.kill().then(() => server.start())],
  ])(
    "loses no accepted task and doubles none when %s under load",
    async (_, harm) => {
      const stores = [await started({ poolSize: 4 }), await started({ poolSize: 4 })];
      const ids = new Set<string>();
      let isDone = false;
      const submit = async (store: Store, sessionId: string): Promise<void> => {
        for (let count = 0; count < 20; count++) {
          const repeated = submission({
            task: { sessionId, idempotencyKey: `${sessionId}-${count}` },
          });
          const { task } = await untilAnswered(() => store.tasks.create(repeated));
          ids.add(task.taskId);
        }
      };
      const breaking = (async () => {
        for (let round = 0; round < 3 || !isDone; round++) {
          await systemClock.sleep(50);
          await harm();
          if (round === 5) return;
        }
      })();
      const submits = stores.flatMap((store, index) => {
        return [0, 1, 2, 3].map((each) => submit(store, `s${index}-${each}`));
      });
      await Promise.all(submits);
      isDone = true;
      await breaking;
      const [store] = stores;
      if (!store) throw new Error("no store");
      expect(ids.size).toBe(160);
      const figures = await untilAnswered(() => store.log.figures(QUEUE));
      expect(figures).toMatchObject({ readyCount: 8, waitingCount: 152 });
      const { doorbells } = (
        await untilAnswered(() =>
          store.tasks.sweep({
            limit: 100,
            unpublishedAfterMs: 0,
            logRetentionMs: 1e9,
            taskRetentionMs: 1e9,
            deadLetterRetentionMs: 1e9,
            sessionRetentionMs: 1e9,
          }),
        )
      ).effects;
      expect(new Set(doorbells.map(({ taskId }) => taskId)).size).toBe(8);
    },
    60_000,
  );

  it("has each effect once, however often a command is repeated", async () => {
    const { proxy, at } = await proxied();
    const store = await started({ statementTimeoutMs: 400 }, at);
    const twice = async <T>(call: () => Promise<T>): Promise<T> => {
      proxy.swallowReplies();
      await expect(call()).rejects.toMatchObject(unavailable);
      proxy.cut();
      proxy.heal();
      return untilAnswered(call);
    };
    const submitted = submission({ task: { sessionId: "s1" } });
    await store.check();
    const { task } = await twice(() => store.tasks.create(submitted));
    const ref = { tenant: TENANT, taskId: task.taskId };
    const claiming = claimOf(ref);
    const { claim: claimed } = await twice(() => store.tasks.claim(claiming));
    if (!claimed) throw new Error("not claimed");
    const { lease } = claimed;
    await twice(() => store.tasks.append(lease, 2, messageEvents("a", "b")));
    const finish = { afterSequence: 4, events: messageEvents("c"), ending: completed() };
    const session = executionContext();
    const finished = await twice(() => store.tasks.finish(lease, { ...finish, session }));

    expect(finished.task).toMatchObject({
      state: TaskState.COMPLETED,
      lastSequence: 6,
      attempt: 1,
    });
    const { entries } = await store.log.read(ref, 0, 100);
    expect(entries.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
    const stored = await store.sessions.load({ tenant: TENANT, agentId: "echo", sessionId: "s1" });
    expect(stored?.context.version).toBe(1n);
    expect(await store.log.figures(QUEUE)).toMatchObject({
      readyCount: 0,
      runningCount: 0,
      completedCount: 1,
      attemptCount: 1,
    });
  });

  it("fails within two seconds while the server hangs, and goes on after", async () => {
    const { proxy, at } = await proxied();
    const store = await started({}, at);
    const ref = await accept(store);
    proxy.stall();
    const hanging = await took(async () => {
      const calls = Array.from({ length: 30 }, () => {
        return expect(accept(store)).rejects.toMatchObject(unavailable);
      });
      await Promise.all(calls);
    });
    expect(hanging).toBeLessThan(3000);
    proxy.cut();
    proxy.heal();
    expect(await untilAnswered(() => store.log.get(ref))).toBeDefined();
  });

  it("stops in bounded time while the server hangs", async () => {
    const { proxy, at } = await proxied();
    const store = await started({}, at);
    await Promise.all([accept(store), store.check(), store.log.figures(QUEUE)]);
    proxy.stall();
    expect(await took(() => store.stop())).toBeLessThan(4000);
  });

  it("answers in bounded time when its pool is exhausted, and refuses what would pile up", async () => {
    const store = await started({ poolSize: 2, statementTimeoutMs: 1000 });
    const ref = await accept(store);
    const locked = sql(
      url,
      "BEGIN; LOCK TABLE agentlane.tasks IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2); COMMIT",
    );
    await expect
      .poll(async () => {
        const [row] = await sql(
          url,
          "SELECT count(*)::integer AS count FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation = 'agentlane.tasks'::regclass",
        );
        return row?.count;
      })
      .toBe(1);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 2100 }, () => store.log.get(ref)),
    );
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: unavailable });
    }
    await locked;
    expect(await untilAnswered(() => store.log.get(ref))).toBeDefined();
  });

  it("goes on after statements have waited for each other", async () => {
    const stores = [await started(), await started()];
    const [one, other] = stores;
    if (!one || !other) throw new Error("no stores");
    const leases: Lease[] = [];
    for (let index = 0; index < 10; index++) {
      leases.push(
        (await claim(one, await accept(one, { task: { sessionId: `s${index}` } }))).lease,
      );
    }
    const work = Array.from({ length: 20 }, async (_, round) => {
      const store = round % 2 === 0 ? one : other;
      const ordered = round % 2 === 0 ? leases : leases.toReversed();
      const statuses = await store.tasks.renew(ordered, 60_000);
      expect(statuses.every(({ valid }) => valid)).toBe(true);
    });
    await Promise.all(work);
    const failed = { state: TaskState.FAILED, error: taskError() } as const;
    const request = { afterSequence: 2, events: [], ending: failed };
    await Promise.all(leases.map((lease) => one.tasks.finish(lease, request)));
    const ids = leases.map(({ taskId }) => taskId);
    const redriven = await Promise.all([
      one.deadLetters.redrive(TENANT, ids),
      other.deadLetters.redrive(TENANT, ids.toReversed()),
    ]);
    expect(redriven.flatMap((answer) => answer.redriven).sort()).toEqual(ids.toSorted());
  });

  it("never has to break a deadlock of a tenant's sessions that begin at once", async () => {
    const store = await started();
    for (let round = 0; round < 10; round++) {
      const first = (count: number) => ({
        limits: { window: 2 },
        task: { sessionId: `r${round}-s${count % 10}` },
      });
      const imported = executionContext({ sessionId: `r${round}-s0`, version: 1n });
      await Promise.all([
        ...Array.from({ length: 30 }, (_, count) => accept(store, first(count))),
        store.sessions
          .import(
            { tenant: TENANT, agentId: imported.agentId, sessionId: imported.sessionId },
            imported,
            true,
          )
          .catch((error: unknown) => expect(isKind(error, "failed_precondition")).toBe(true)),
      ]);
    }
    const [row] = await sql(
      url,
      "SELECT deadlocks::integer FROM pg_stat_database WHERE datname = current_database()",
    );
    expect(row?.deadlocks).toBe(0);
  });

  it("keeps what was submitted out of its errors", async () => {
    const store = await started();
    await sql(
      url,
      "ALTER TABLE agentlane.submissions ADD CHECK (trace_headers NOT LIKE '%sing-no-song%')",
    );
    const error = await accept(store, { traceHeaders: { canary: "sing-no-song" } }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ kind: "internal" });
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("sing-no-song");
  });
});
