/** What breaks if Redis, or the way to it, fails between two steps? */
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock } from "../../src/clock.ts";
import { isKind } from "../../src/errors.ts";
import type { Store } from "../../src/store/contract.ts";
import { createRedisStore } from "../../src/store/redis/store.ts";
import { startTcpProxy } from "../fakes/tcp-proxy.ts";
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
  connectionTo,
  hasRedis,
  type RedisServerOptions,
  startRedis,
} from "../harness/redis-server.ts";

describe.runIf(hasRedis)("the Redis store", () => {
  const disposals: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const dispose of disposals.splice(0).reverse()) await dispose();
  });

  async function serve(options: RedisServerOptions = {}) {
    const server = await startRedis(options);
    disposals.push(() => server.stop());
    return server;
  }

  function storeAt(url: string, warnings: string[] = []): Store {
    const connection = connectionTo(url, { onWarning: (message) => warnings.push(message) });
    const store = createRedisStore({ connection });
    disposals.push(() => store.stop());
    return store;
  }

  async function startedAt(url: string): Promise<Store> {
    const store = storeAt(url);
    await store.start();
    return store;
  }

  async function accept(store: Store, overrides: SubmissionOverrides = {}) {
    const { task } = await store.tasks.create(submission(overrides));
    return { tenant: TENANT, taskId: task.taskId };
  }

  async function claim(store: Store, ref: { tenant: string; taskId: string }) {
    const request = { ref, workerId: "w1", claimId: newTaskId(), leaseMs: 60_000, spanId: "" };
    const { claim: claimed } = await store.tasks.claim(request);
    if (!claimed) throw new Error("not claimed");
    return claimed;
  }

  const completed = () => ({ state: TaskState.COMPLETED, result: taskResult() }) as const;

  /** Repeats until the store answers; fails after five seconds. */
  async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
    const endAt = systemClock.monotonic() + 5000;
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

  describe("at start", () => {
    it("says what is wrong with a URL", () => {
      for (const url of ["", "localhost:6379", "http://localhost", "redis://"]) {
        expect(() => storeAt(url)).toThrow(/REDIS_URL must look like redis:/);
      }
    });

    it("says that nobody answers, and where", async () => {
      const server = await serve();
      await server.kill();
      await expect(storeAt(server.url).start()).rejects.toMatchObject({
        kind: "unavailable",
        message: expect.stringMatching(/127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED/),
      });
    });

    it("names REDIS_URL when the password is wrong or missing, and never shows it", async () => {
      const server = await serve({ password: "right-secret" });
      for (const password of [":wrong-secret@", ""]) {
        const url = `redis://${password}127.0.0.1:${server.port}`;
        const refused = storeAt(url).start();
        await expect(refused).rejects.toMatchObject({
          kind: "failed_precondition",
          message: expect.stringMatching(/password.* REDIS_URL/),
        });
      }
      await startedAt(server.url);
    });

    it("refuses a Redis that may evict tasks, and says what to set", async () => {
      const server = await serve();
      await server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
      const store = storeAt(server.url);
      await expect(store.start()).rejects.toMatchObject({
        kind: "failed_precondition",
        message: expect.stringContaining("maxmemory-policy noeviction"),
      });
      await server.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
      await store.start();
    });

    it("refuses a replica", async () => {
      const [primary, replica] = [await serve(), await serve()];
      await replica.command("REPLICAOF", "127.0.0.1", `${primary.port}`);
      const refused = storeAt(replica.url).start();
      await expect(refused).rejects.toMatchObject({ kind: "failed_precondition" });
    });

    it("warns when a restart of Redis would lose tasks", async () => {
      const [without, withFile] = [await serve(), await serve({ aof: true })];
      const warnings: string[] = [];
      await storeAt(without.url, warnings).start();
      expect(warnings).toEqual([expect.stringContaining("appendonly yes")]);
      await storeAt(withFile.url, warnings).start();
      expect(warnings).toHaveLength(1);
    });
  });

  describe("in an outage", () => {
    it("loads its functions again when Redis has forgotten them", async () => {
      const server = await serve();
      const store = await startedAt(server.url);
      const ref = await accept(store);
      await server.command("FUNCTION", "FLUSH");
      const [claimed, other] = await Promise.all([claim(store, ref), accept(store)]);
      await server.command("FUNCTION", "FLUSH");
      await store.tasks.finish(claimed.lease, {
        afterSequence: 2,
        events: [],
        ending: completed(),
      });
      expect((await store.log.get(other)).state).toBe(TaskState.QUEUED);
    });

    it("keeps everything over a crash of Redis with an append-only file", async () => {
      const server = await serve({ aof: true });
      const store = await startedAt(server.url);
      const queued = await accept(store, { task: { idempotencyKey: "k1" }, requestDigest: "d1" });
      const running = await claim(store, await accept(store, { task: { sessionId: "s1" } }));
      await store.tasks.append(running.lease, 2, messageEvents("a"));
      await server.kill();
      await expect(store.check()).rejects.toMatchObject(unavailable);
      await expect(accept(store)).rejects.toMatchObject(unavailable);
      await server.start();
      const finish = { afterSequence: 3, events: [], ending: completed() };
      const session = executionContext();
      await untilAnswered(() => store.tasks.finish(running.lease, { ...finish, session }));
      expect(await accept(store, { task: { idempotencyKey: "k1" }, requestDigest: "d1" })).toEqual(
        queued,
      );
      const page = await store.log.read(running.lease, 0, 10);
      expect(page).toMatchObject({ firstSequence: 1, lastSequence: 4, terminal: true });
      const ref = { tenant: TENANT, agentId: "echo", sessionId: "s1" };
      expect((await store.sessions.load(ref))?.context.version).toBe(1n);
    });

    it("loses no accepted task and doubles none when its connection is cut under load", async () => {
      const server = await serve();
      const store = await startedAt(server.url);
      const accepted = new Set<string>();
      let cuts = 0;
      const submit = async (): Promise<void> => {
        for (let count = 0; count < 60; count++) {
          const repeated = submission();
          const { task } = await untilAnswered(() => store.tasks.create(repeated));
          accepted.add(task.taskId);
        }
      };
      const cut = async (): Promise<void> => {
        while (cuts < 10) {
          await systemClock.sleep(20);
          cuts += await server.killClients();
        }
      };
      await Promise.all([cut(), ...Array.from({ length: 16 }, submit)]);
      const { readyCount } = await untilAnswered(() => store.log.figures(QUEUE));
      expect(accepted.size).toBe(16 * 60);
      expect(readyCount).toBe(accepted.size);
    });

    it("fails within two seconds while Redis hangs, and goes on after", async () => {
      const server = await serve();
      const store = await startedAt(server.url);
      const ref = await accept(store);
      server.freeze();
      const hanging = await took(() => expect(accept(store)).rejects.toMatchObject(unavailable));
      expect(hanging).toBeLessThan(2000);
      expect(await took(() => expect(accept(store)).rejects.toThrow())).toBeLessThan(2000);
      await systemClock.sleep(2500);
      server.thaw();
      expect(await untilAnswered(() => store.log.get(ref))).toBeDefined();
    });

    it("keeps what was submitted out of its errors", async () => {
      const server = await serve();
      const store = await startedAt(server.url);
      await server.command("CONFIG", "SET", "maxmemory", "1mb");
      const request = { metadata: { canary: "sing-no-song" } };
      const task = { metadata: { canary: "sing-no-song" } };
      const error = await accept(store, { request, task }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Error);
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("sing-no-song");
    });

    it("drops from its indexes what somebody deleted by hand", async () => {
      const server = await serve();
      const store = await startedAt(server.url);
      const inLane = { task: { sessionId: "s1" } };
      const ended = await claim(store, await accept(store, inLane));
      const next = await accept(store, inLane);
      const last = await accept(store, inLane);
      const failed = await claim(store, await accept(store));
      const error = taskError({ retryable: false });
      const finish = { afterSequence: 2, events: [] };
      await store.tasks.finish(failed.lease, {
        ...finish,
        ending: { state: TaskState.FAILED, error },
      });
      const lost = await accept(store);
      const request = { ref: lost, workerId: "w1", claimId: "c", leaseMs: 1, spanId: "" };
      await store.tasks.claim(request);
      const unpublished = await accept(store);
      const ghosts = [next, failed.lease, lost, unpublished];
      for (const { tenant, taskId } of ghosts) {
        expect(await server.command("DEL", `{agentlane}:t:${tenant}:${taskId}`)).toBe(1);
      }
      await store.tasks.finish(ended.lease, { ...finish, ending: completed() });
      // The one that is gone from the lane holds nobody up.
      await claim(store, last);
      await server.command("DEL", `{agentlane}:t:${ended.lease.tenant}:${ended.lease.taskId}`);
      const options = { unpublishedAfterMs: 0, sessionRetentionMs: 60_000, limit: 100 };
      const now = { logRetentionMs: 0, taskRetentionMs: 0, deadLetterRetentionMs: 0 };
      const sweep = () => store.tasks.sweep({ ...options, ...now });
      await expect
        .poll(async () => {
          await sweep();
          return server.command("ZCARD", "{agentlane}:leases");
        })
        .toBe(1);
      expect((await sweep()).sweptCount).toBe(0);
      for (const name of ["ended", "ended-logs", "dead", "dead-logs", "unpublished"]) {
        expect(await server.command("ZCARD", `{agentlane}:${name}`)).toBe(0);
      }
      expect(await store.tasks.expired(10)).toEqual([]);
    });

    it("accepts nothing more when Redis is full, but ends what runs and makes room", async () => {
      const server = await serve();
      const store = await startedAt(server.url);
      const running = await claim(store, await accept(store, { task: { sessionId: "s1" } }));
      const waiting = await accept(store);
      await server.command("CONFIG", "SET", "maxmemory", "1mb");
      await expect(accept(store)).rejects.toMatchObject({
        kind: "resource_exhausted",
        retryAfterMs: expect.any(Number),
        message: expect.stringContaining("maxmemory"),
      });
      const { lease } = running;
      expect(await store.tasks.renew([lease], 60_000)).toEqual([{ valid: true }]);
      await store.tasks.append(lease, 2, messageEvents("a"));
      const finish = { afterSequence: 3, events: [], ending: completed() };
      await store.tasks.finish(lease, { ...finish, session: executionContext() });
      await claim(store, waiting);
      const now = { unpublishedAfterMs: 60_000, sessionRetentionMs: 60_000, limit: 100 };
      const retention = { logRetentionMs: 0, taskRetentionMs: 0, deadLetterRetentionMs: 0 };
      expect((await store.tasks.sweep({ ...now, ...retention })).sweptCount).toBe(2);
      await expect(store.log.get(lease)).rejects.toMatchObject({ kind: "not_found" });
      await server.command("CONFIG", "SET", "maxmemory", "0");
      await accept(store);
    });
  });

  describe("when replies get lost", () => {
    it("tells again of large events only where the log ends", async () => {
      const server = await serve();
      const store = await startedAt(server.url);
      const { lease } = await claim(store, await accept(store));
      const events = messageEvents("a", "x".repeat(300_000));
      await store.tasks.append(lease, 2, events);
      const { lastSequence, effects } = await store.tasks.append(lease, 2, events);
      expect(lastSequence).toBe(4);
      expect(effects.notices).toMatchObject([
        { kind: { case: "entries", value: { entries: [], lastSequence: 4 } } },
      ]);
    });

    it("has each effect once, however often a command is repeated", async () => {
      const server = await serve();
      const proxy = await startTcpProxy(server.port);
      disposals.push(() => proxy.stop());
      const store = await startedAt(`redis://127.0.0.1:${proxy.port}`);
      const twice = async <T>(call: () => Promise<T>): Promise<T> => {
        proxy.swallowReplies();
        await expect(call()).rejects.toMatchObject(unavailable);
        proxy.heal();
        return untilAnswered(call);
      };

      const submitted = submission({ task: { sessionId: "s1" } });
      const { task } = await twice(() => store.tasks.create(submitted));
      const ref = { tenant: TENANT, taskId: task.taskId };
      const { lease } = await claim(store, ref);
      await twice(() => store.tasks.append(lease, 2, messageEvents("a", "b")));
      const finish = { afterSequence: 4, events: messageEvents("c"), ending: completed() };
      const session = executionContext();
      const finished = await twice(() => store.tasks.finish(lease, { ...finish, session }));

      expect(finished.task).toMatchObject({ state: TaskState.COMPLETED, lastSequence: 6 });
      const { entries } = await store.log.read(ref, 0, 100);
      expect(entries.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
      const stored = await store.sessions.load({
        tenant: TENANT,
        agentId: "echo",
        sessionId: "s1",
      });
      expect(stored?.context.version).toBe(1n);
      expect(await store.log.figures(QUEUE)).toMatchObject({
        readyCount: 0,
        runningCount: 0,
        completedCount: 1,
        attemptCount: 1,
      });
    });
  });
});
