import { describe, expect, it } from "vitest";
import { MultitaskStrategy, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { TaskFilter, TaskRef } from "../../../src/store/contract.ts";
import { newTaskId, QUEUE, TENANT } from "../../harness/builders.ts";
import { canceled, type Scene, told } from "./scene.ts";

export function readCases(scene: Scene): void {
  const list = (filter: TaskFilter = {}, page = { size: 100, token: "" }, tenant = TENANT) => {
    return scene.store.log.list(tenant, filter, page);
  };
  const listed = async (filter: TaskFilter = {}, tenant = TENANT): Promise<string[]> => {
    return (await list(filter, undefined, tenant)).items.map(({ taskId }) => taskId);
  };

  describe("read", () => {
    it("gives entries after a sequence, up to a limit", async () => {
      const claim = await scene.run();
      await scene.append(claim, "a", "b", "c");
      const page = await scene.store.log.read(claim.lease, 2, 2);
      expect(told(page.entries)).toEqual(["3 a", "4 b"]);
      expect(page).toMatchObject({ firstSequence: 1, lastSequence: 5, terminal: false });
    });

    it("gives nothing at and beyond the end", async () => {
      const { ref } = await scene.accept();
      for (const after of [1, 2, 100]) {
        const page = await scene.store.log.read(ref, after, 10);
        expect(page).toMatchObject({ entries: [], firstSequence: 1, lastSequence: 1 });
      }
    });

    it("says when the last entry is the terminal one", async () => {
      const claim = await scene.run();
      await scene.complete(claim);
      const page = await scene.store.log.read(claim.lease, 0, 10);
      expect(page.terminal).toBe(true);
      expect(page.entries.at(-1)?.sequence).toBe(page.lastSequence);
    });

    it("is not_found for what does not exist", async () => {
      const ref = { tenant: TENANT, taskId: newTaskId() };
      const missing = { kind: "not_found", reason: "TASK_NOT_FOUND" };
      await expect(scene.get(ref)).rejects.toMatchObject(missing);
      await expect(scene.store.log.read(ref, 0, 10)).rejects.toMatchObject(missing);
    });

    it("gives every reader the same entries while the log grows", async () => {
      const claim = await scene.run();
      const early = await scene.entries(claim.lease);
      await scene.append(claim, "a");
      expect(early).toHaveLength(2);
      expect((await scene.entries(claim.lease)).slice(0, 2)).toEqual(early);
    });
  });

  describe("list", () => {
    it("is newest first", async () => {
      const taskIds: string[] = [];
      for (let index = 0; index < 5; index++) taskIds.unshift((await scene.accept()).ref.taskId);
      expect(await listed()).toEqual(taskIds);
    });

    it("comes in pages that neither repeat nor skip while tasks come and go", async () => {
      const refs: TaskRef[] = [];
      for (let index = 0; index < 7; index++) refs.unshift((await scene.accept()).ref);
      const first = await list({}, { size: 3, token: "" });
      await scene.accept();
      const fifth = refs[4];
      if (fifth) await scene.fail(await scene.claim(fifth));
      await scene.sweep({ deadLetterRetentionMs: 0 });
      const second = await list({}, { size: 3, token: first.nextToken });
      const seen = [...first.items, ...second.items].map(({ taskId }) => taskId);
      const kept = refs.filter((ref) => ref !== fifth).map(({ taskId }) => taskId);
      expect(seen).toEqual(kept);
      expect(second.nextToken).toBe("");
    });

    it("ends with an empty token exactly on a full last page", async () => {
      await scene.accept();
      await scene.accept();
      expect((await list({}, { size: 2, token: "" })).nextToken).toBe("");
    });

    it.each(["?", "bm90IGEgdG9rZW4", "p:1"])("refuses the token %s", async (token) => {
      const refused = { kind: "invalid_argument" };
      const page = { size: 2, token };
      await expect(list({}, page)).rejects.toMatchObject(refused);
      await expect(scene.store.sessions.list(TENANT, {}, page)).rejects.toMatchObject(refused);
      await expect(scene.store.deadLetters.list(TENANT, {}, page)).rejects.toMatchObject(refused);
      const instances = scene.store.workers.instances(TENANT, {}, page);
      await expect(instances).rejects.toMatchObject(refused);
    });

    it("filters by agent, session, state and metadata, all at once", async () => {
      const task = { agentId: "a", sessionId: "s", metadata: { team: "x", tier: "1" } };
      const { ref } = await scene.accept({ task });
      const { ref: other } = await scene.accept({ task: { ...task, metadata: { team: "y" } } });
      await scene.accept({ task: { agentId: "b", sessionId: "s" } });
      await scene.cancel((await scene.accept({ task })).ref);
      const states = [TaskState.QUEUED, TaskState.RUNNING];
      expect(await listed({ agentId: "a", states })).toEqual([other.taskId, ref.taskId]);
      expect(await listed({ sessionId: "s", states })).toHaveLength(3);
      expect(await listed({ agentId: "a", sessionId: "s" })).toHaveLength(3);
      expect(
        await listed({ agentId: "a", sessionId: "s", states, metadata: { team: "x" } }),
      ).toEqual([ref.taskId]);
      expect(await listed({ metadata: { team: "x", tier: "2" } })).toEqual([]);
      expect(await listed({ metadata: { constructor: "x" } })).toEqual([]);
      expect(await listed({ states: [] })).toHaveLength(4);
    });
  });

  describe("figures", () => {
    it("are zeros for an unknown queue", async () => {
      const figures = await scene.store.log.figures("nobody");
      expect(Object.values(figures).every((value) => value === 0)).toBe(true);
    });

    it("count tasks by where they stand", async () => {
      await scene.lane();
      await scene.run();
      await scene.retry(await scene.run(), 100);
      await scene.complete(await scene.run());
      await scene.finish(await scene.run(), canceled());
      await scene.fail(await scene.run());
      expect(await scene.store.log.figures(QUEUE)).toMatchObject({
        readyCount: 1,
        waitingCount: 3,
        retryWaitCount: 1,
        runningCount: 1,
        completedCount: 2,
        failedCount: 1,
        deadLetterCount: 1,
        attemptCount: 4,
      });
    });

    it("sum the run time of ended attempts", async () => {
      const claim = await scene.run();
      await scene.pass(7);
      await scene.complete(claim);
      const { attemptTotalMs } = await scene.store.log.figures(QUEUE);
      expect(attemptTotalMs).toBeGreaterThanOrEqual(scene.ms(7) - 1);
    });

    it("keep what ever failed after a redrive and a purge", async () => {
      const claim = await scene.run();
      await scene.fail(claim);
      await scene.store.deadLetters.redrive(TENANT, [claim.lease.taskId]);
      expect(await scene.store.log.figures(QUEUE)).toMatchObject({
        failedCount: 1,
        deadLetterCount: 0,
        readyCount: 1,
      });
    });

    it("name the queues that tasks were ever submitted to", async () => {
      await scene.accept({ task: { queue: "b" } });
      await scene.accept({ task: { queue: "a" }, tenant: "other" });
      expect((await scene.store.log.queues()).sort()).toEqual(["a", "b"]);
    });
  });

  describe("tenants", () => {
    it("do not see each other's tasks", async () => {
      const { ref } = await scene.accept({ tenant: "mine" });
      const foreign = { ...ref, tenant: "yours" };
      const missing = { kind: "not_found" };
      await expect(scene.get(foreign)).rejects.toMatchObject(missing);
      await expect(scene.entries(foreign)).rejects.toMatchObject(missing);
      await expect(scene.cancel(foreign)).rejects.toMatchObject(missing);
      expect(await scene.tryClaim(foreign)).toBeUndefined();
      expect(await listed({}, "yours")).toEqual([]);
      expect(await scene.state(ref)).toBe(TaskState.QUEUED);
    });

    it("have their own idempotency keys", async () => {
      const overrides = { task: { idempotencyKey: "k" }, requestDigest: "d" };
      const mine = await scene.accept({ ...overrides, tenant: "mine" });
      const yours = await scene.accept({ ...overrides, tenant: "yours", requestDigest: "e" });
      expect(yours.existing).toBe(false);
      expect(yours.ref.taskId).not.toBe(mine.ref.taskId);
    });

    it("have their own sessions", async () => {
      const { ref } = await scene.acceptIn("s1", { tenant: "mine" });
      await scene.commit(await scene.claim(ref));
      expect(await scene.store.sessions.load(scene.session("s1", "mine"))).toBeDefined();
      expect(await scene.store.sessions.load(scene.session("s1", "yours"))).toBeUndefined();
      await scene.acceptIn("s1", { tenant: "mine" });
      await scene.acceptIn("s1", { tenant: "yours", strategy: MultitaskStrategy.REJECT });
    });

    it("are told apart whatever their names and keys look like", async () => {
      const names = [
        "a",
        "a/b",
        "a/",
        "a#b",
        "a:b",
        "a\u0000b",
        "ä",
        "__proto__",
        "a b",
        "*",
        "{a}",
      ];
      const taskId = newTaskId();
      for (const tenant of names) {
        const task = { taskId, sessionId: "s1", idempotencyKey: "constructor" };
        const { existing } = await scene.accept({ tenant, task, requestDigest: tenant });
        expect(existing).toBe(false);
      }
      for (const tenant of names) {
        expect(await listed({}, tenant)).toEqual([taskId]);
        await scene.commit(await scene.claim({ tenant, taskId }));
      }
      await scene.store.sessions.destroy(scene.session("s1", "a"));
      expect(await scene.store.sessions.load(scene.session("s1", "a/b"))).toBeDefined();
    });
  });

  describe("life", () => {
    it("may be started and stopped twice", async () => {
      await scene.store.start();
      await scene.store.check();
      await scene.store.stop();
      await scene.store.stop();
    });
  });
}
