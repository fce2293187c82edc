import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Store } from "../../src/store/contract.ts";
import { createRedisStore, type RedisStoreOptions } from "../../src/store/redis/store.ts";
import { storeConformance } from "../conformance/store-suite.ts";
import { newTaskId, QUEUE, submission, TENANT } from "../harness/builders.ts";
import { recordsOf } from "../harness/redis-records.ts";
import {
  connectionTo,
  hasRedis,
  newPrefix,
  type RedisServer,
  sharedRedis,
} from "../harness/redis-server.ts";

describe.runIf(hasRedis)("on a shared Redis", () => {
  let server: Pick<RedisServer, "url" | "command" | "stop">;
  const usedPrefixes: string[] = [];
  beforeAll(async () => {
    server = await sharedRedis();
  });
  afterAll(async () => {
    for (const prefix of usedPrefixes) await deleteAll(prefix);
    await server.stop();
  });

  function open(overrides: Partial<RedisStoreOptions> = {}): { prefix: string; store: Store } {
    const { prefix = newPrefix() } = overrides;
    usedPrefixes.push(prefix);
    const store = createRedisStore({
      connection: connectionTo(server.url),
      ...overrides,
      prefix,
    });
    return { prefix, store };
  }

  async function keysOf(prefix: string): Promise<string[]> {
    return (await server.command("KEYS", `{${prefix}}:*`)) as string[];
  }

  async function deleteAll(prefix: string): Promise<void> {
    const keys = await keysOf(prefix);
    if (keys.length > 0) await server.command("DEL", ...keys);
  }

  describe.each([false, true])("that rings itself: %s", (ringsItself) => {
    storeConformance("the Redis store", async () => {
      const { prefix, store } = open({ shiftedTime: true, ringsItself });
      return {
        unitMs: 1000,
        ringsItself,
        async make() {
          await store.start();
          return store;
        },
        async advance(byMs) {
          await server.command("INCRBY", `{${prefix}}:clock-shift`, `${Math.ceil(byMs)}`);
        },
        dump: () => recordsOf(server, `{${prefix}}:`),
        dispose: () => store.stop(),
      };
    });
  });

  it("destroys a large session in steps, and others go between them", async () => {
    const { store } = open();
    await store.start();
    const ref = { tenant: TENANT, agentId: "echo", sessionId: "s1" };
    const accept = (sessionId: string) => store.tasks.create(submission({ task: { sessionId } }));
    for (let batch = 0; batch < 5; batch++) {
      await Promise.all(Array.from({ length: 500 }, () => accept("s1")));
    }
    const order: string[] = [];
    const destroying = store.sessions.destroy(ref).then((answer) => {
      order.push("destroyed");
      return answer;
    });
    const other = accept("s2").then(() => order.push("accepted"));
    const [{ task }] = await Promise.all([accept("s1"), other]);
    const { canceledCount, effects } = await destroying;
    expect(order).toEqual(["accepted", "destroyed"]);
    expect([canceledCount, effects.notices.length]).toEqual([2500, 2501]);
    expect(effects.doorbells.map(({ taskId }) => taskId)).toEqual([task.taskId]);
    expect(await store.sessions.lane(ref)).toEqual([task.taskId]);
    const page = await store.log.list(TENANT, {}, { size: 10, token: "" });
    expect(page.items).toHaveLength(2);
    expect(await store.log.figures(QUEUE)).toMatchObject({ readyCount: 2, waitingCount: 0 });
    await store.stop();
  });

  describe("the Redis store's keys", () => {
    it("leave nothing but figures when all tasks and sessions are gone", async () => {
      const { prefix, store } = open();
      await store.start();
      const task = { sessionId: "s1", idempotencyKey: "k1" };
      const { task: accepted } = await store.tasks.create(submission({ task }));
      const ref = { tenant: TENANT, taskId: accepted.taskId };
      await store.tasks.claim({
        ref,
        workerId: "w1",
        claimId: newTaskId(),
        leaseMs: 1000,
        spanId: "",
      });
      await store.sessions.destroy({ tenant: TENANT, agentId: "echo", sessionId: "s1" });
      await store.stop();
      const left = (await keysOf(prefix)).map((key) => key.slice(prefix.length + 3)).sort();
      expect(left).toEqual(["order", `q:${QUEUE}`, "queues"]);
    });

    it("keep installations apart", async () => {
      const [{ store: mine }, { store: yours }] = [open(), open()];
      await mine.start();
      await yours.start();
      const { task } = await mine.tasks.create(submission());
      const ref = { tenant: TENANT, taskId: task.taskId };
      await expect(yours.log.get(ref)).rejects.toMatchObject({ kind: "not_found" });
      await mine.stop();
      await yours.stop();
    });

    it("refuse a prefix that would break the hash tag", () => {
      expect(() => open({ prefix: "a}b" })).toThrow(/REDIS_PREFIX/);
    });
  });
});
