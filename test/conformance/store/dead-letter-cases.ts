import { describe, expect, it } from "vitest";
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { TaskRef } from "../../../src/store/contract.ts";
import { newTaskId, QUEUE, TENANT } from "../../harness/builders.ts";
import { announced, retried, type Scene } from "./scene.ts";

export function deadLetterCases(scene: Scene): void {
  async function failedTask(overrides: Parameters<Scene["run"]>[0] = {}, reason?: string) {
    const claim = await scene.run(overrides);
    await scene.fail(claim, reason);
    return { tenant: claim.lease.tenant, taskId: claim.lease.taskId };
  }

  function redrive(...refs: TaskRef[]) {
    return scene.store.deadLetters.redrive(
      TENANT,
      refs.map(({ taskId }) => taskId),
    );
  }

  describe("dead letters", () => {
    it("are exactly the FAILED tasks, newest first", async () => {
      const first = await failedTask();
      await scene.complete(await scene.run());
      await scene.cancel((await scene.accept()).ref);
      await scene.run();
      const second = await failedTask();
      expect(await scene.deadLetters()).toEqual([second.taskId, first.taskId]);
      expect((await scene.store.log.figures(QUEUE)).deadLetterCount).toBe(2);
    });

    it("are listed by agent and by reason, with a total", async () => {
      const broken = await failedTask({}, "BROKEN");
      await failedTask({ task: { agentId: "other" } }, "BROKEN");
      await failedTask({}, "OTHER");
      const page = { size: 1, token: "" };
      const byReason = await scene.store.deadLetters.list(TENANT, { reason: "BROKEN" }, page);
      expect(byReason.totalCount).toBe(2);
      expect(byReason.items).toHaveLength(1);
      expect(byReason.nextToken).not.toBe("");
      const filter = { agentId: "echo", reason: "BROKEN" };
      const both = await scene.store.deadLetters.list(TENANT, filter, page);
      expect(both).toMatchObject({ totalCount: 1, items: [{ taskId: broken.taskId }] });
    });

    it("are paged without repetition while they come and go", async () => {
      const refs = [await failedTask(), await failedTask(), await failedTask(), await failedTask()];
      const [, second, third, fourth] = refs;
      const list = (token: string) => scene.store.deadLetters.list(TENANT, {}, { size: 2, token });
      const first = await list("");
      expect(first.items.map(({ taskId }) => taskId)).toEqual([fourth?.taskId, third?.taskId]);
      await failedTask();
      if (third) await scene.store.deadLetters.purge(TENANT, { taskIds: [third.taskId] });
      const rest = await list(first.nextToken);
      expect(rest.items.map(({ taskId }) => taskId)).toEqual([second?.taskId, refs[0]?.taskId]);
      expect(rest.nextToken).toBe("");
    });
  });

  describe("redrive", () => {
    it("sends a task back as QUEUED, its attempts reset, its log going on", async () => {
      const ref = await failedTask({ deadlineInMs: 3_600_000 });
      const before = await scene.get(ref);
      const { redriven, skipped, effects } = await redrive(ref);
      expect([redriven, skipped]).toEqual([[ref.taskId], []]);
      scene.expectRung(effects, ref);
      const task = await scene.get(ref);
      expect(task).toMatchObject({
        state: TaskState.QUEUED,
        attempt: 1,
        consumedAttempts: 0,
        redriveCount: 1,
        lastSequence: before.lastSequence + 1,
        createdAt: before.createdAt,
      });
      expect([task.error, task.deadline, task.finishedAt]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(announced(effects)).toMatchObject([
        {
          sequence: before.lastSequence + 1,
          event: { kind: { value: { previous: TaskState.FAILED, state: TaskState.QUEUED } } },
        },
      ]);
      expect(await scene.deadLetters()).toEqual([]);
      await scene.complete(await scene.claim(ref));
      expect(await scene.get(ref)).toMatchObject({ state: TaskState.COMPLETED, attempt: 2 });
    });

    it("puts a task at the end of its lane", async () => {
      const ref = await failedTask({ task: { sessionId: "s1" } });
      const waiting = await scene.acceptIn("s1");
      const { effects } = await redrive(ref);
      scene.expectRung(effects);
      const lane = await scene.store.sessions.lane(scene.session());
      expect(lane).toEqual([waiting.ref.taskId, ref.taskId]);
      expect(await scene.ready()).toEqual([waiting.ref.taskId]);
    });

    it("skips and names what is no dead letter, and takes a repeated id once", async () => {
      const ref = await failedTask();
      const running = await scene.run();
      const foreign = await failedTask({ tenant: "other" });
      const unknown = { tenant: TENANT, taskId: newTaskId() };
      const { redriven, skipped } = await redrive(ref, running.lease, foreign, unknown, ref);
      expect(redriven).toEqual([ref.taskId]);
      expect(skipped).toEqual([running.lease.taskId, foreign.taskId, unknown.taskId]);
      expect((await redrive(ref)).skipped).toEqual([ref.taskId]);
    });

    it("forgets a cancel that was requested before the failure", async () => {
      const claim = await scene.run();
      await scene.cancel(claim.lease, CancelMode.DISCARD);
      await scene.fail(claim);
      await redrive(claim.lease);
      const again = await scene.claim(claim.lease);
      expect(again.record.cancelMode).toBe(CancelMode.UNSPECIFIED);
      expect(again.record.task?.cancelRequestedAt).toBeUndefined();
      expect((await scene.retry(again)).task.state).toBe(TaskState.RETRY_WAIT);
    });

    it("does not fail the task by the deadline it had", async () => {
      const ref = await failedTask({ deadlineInMs: scene.ms(20) });
      await redrive(ref);
      await scene.pass(21);
      expect((await scene.sweep()).sweptCount).toBe(0);
      expect(await scene.tryClaim(ref)).toBeDefined();
    });

    it("keeps the fences of earlier attempts out", async () => {
      const claim = await scene.run();
      await scene.fail(claim);
      await redrive(claim.lease);
      await expect(scene.fail(claim)).rejects.toMatchObject({ kind: "lease_lost" });
      const again = await scene.claim(claim.lease);
      expect(again.lease.fence).toBeGreaterThan(claim.lease.fence);
      await expect(scene.complete(claim)).rejects.toMatchObject({ kind: "lease_lost" });
    });

    it("happens once when two operators ask for it", async () => {
      const ref = await failedTask();
      const answers = await Promise.all([redrive(ref), redrive(ref)]);
      expect(answers.flatMap(({ redriven }) => redriven)).toEqual([ref.taskId]);
      expect((await scene.get(ref)).redriveCount).toBe(1);
    });

    it("goes on with the sequence of a log that is past retention", async () => {
      const ref = await failedTask();
      await scene.sweep({ logRetentionMs: 0 });
      await redrive(ref);
      const page = await scene.store.log.read(ref, 0, 10);
      expect(page).toMatchObject({ firstSequence: 4, lastSequence: 4, terminal: false });
      expect(page.entries.map(({ sequence }) => sequence)).toEqual([4]);
    });
  });

  describe("purge", () => {
    it("deletes named dead letters and nothing else", async () => {
      const ref = await failedTask();
      const kept = await failedTask();
      const running = await scene.run();
      const taskIds = [ref.taskId, running.lease.taskId, newTaskId()];
      expect(await scene.store.deadLetters.purge(TENANT, { taskIds })).toBe(1);
      await expect(scene.get(ref)).rejects.toMatchObject({ kind: "not_found" });
      expect(await scene.deadLetters()).toEqual([kept.taskId]);
      expect(await scene.state(running.lease)).toBe(TaskState.RUNNING);
    });

    it("deletes by agent", async () => {
      await failedTask({ task: { agentId: "one" } });
      const kept = await failedTask({ task: { agentId: "two" } });
      expect(await scene.store.deadLetters.purge(TENANT, { agentId: "one" })).toBe(1);
      expect(await scene.deadLetters()).toEqual([kept.taskId]);
    });

    it("deletes what failed before an instant", async () => {
      const ref = await failedTask();
      const { finishedAt } = await scene.get(ref);
      const failedAtMs = Number(finishedAt?.seconds) * 1000 + (finishedAt?.nanos ?? 0) / 1e6;
      const purge = (failedBeforeMs: number) => {
        return scene.store.deadLetters.purge(TENANT, { failedBeforeMs });
      };
      expect(await purge(Math.floor(failedAtMs))).toBe(0);
      expect(await purge(Math.ceil(failedAtMs) + 1)).toBe(1);
    });

    it("deletes everything without a selection, of one tenant", async () => {
      await failedTask();
      await failedTask();
      const foreign = await failedTask({ tenant: "other" });
      expect(await scene.store.deadLetters.purge(TENANT, {})).toBe(2);
      expect(await scene.deadLetters("other")).toEqual([foreign.taskId]);
    });

    it("forgets the idempotency key with the task", async () => {
      const overrides = { task: { idempotencyKey: "k1" }, requestDigest: "d1" };
      const ref = await failedTask(overrides);
      await scene.store.deadLetters.purge(TENANT, {});
      const again = await scene.accept(overrides);
      expect(again.existing).toBe(false);
      expect(again.ref).not.toEqual(ref);
    });
  });

  describe("retention", () => {
    it("drops the log first, leaving its position", async () => {
      const claim = await scene.run();
      await scene.complete(claim);
      await scene.sweep({ logRetentionMs: scene.ms(100) });
      expect(await scene.entries(claim.lease)).toHaveLength(3);
      await scene.pass(101);
      const { sweptCount } = await scene.sweep({ logRetentionMs: scene.ms(100) });
      expect(sweptCount).toBe(1);
      expect(await scene.store.log.read(claim.lease, 0, 10)).toEqual({
        entries: [],
        firstSequence: 4,
        lastSequence: 3,
        terminal: true,
      });
      expect(await scene.state(claim.lease)).toBe(TaskState.COMPLETED);
    });

    it("drops the task after its own time", async () => {
      const claim = await scene.run({ task: { sessionId: "s1" } });
      await scene.commit(claim);
      await scene.pass(50);
      await scene.sweep({ taskRetentionMs: scene.ms(50) });
      await expect(scene.get(claim.lease)).rejects.toMatchObject({ kind: "not_found" });
      await expect(scene.entries(claim.lease)).rejects.toMatchObject({ kind: "not_found" });
      const page = await scene.store.log.list(TENANT, {}, { size: 10, token: "" });
      expect(page.items).toEqual([]);
      expect(await scene.store.sessions.load(scene.session())).toBeDefined();
    });

    it("has another time for dead letters", async () => {
      const ref = await failedTask();
      await scene.sweep({ taskRetentionMs: 0 });
      expect(await scene.deadLetters()).toEqual([ref.taskId]);
      await scene.sweep({ deadLetterRetentionMs: 0 });
      expect(await scene.deadLetters()).toEqual([]);
      await expect(scene.get(ref)).rejects.toMatchObject({ kind: "not_found" });
    });

    it("never touches what has not ended", async () => {
      const queued = await scene.accept();
      const running = await scene.run();
      const retrying = await scene.run();
      await scene.finish(retrying, retried(scene.ms(100)));
      const dropped = { logRetentionMs: 0, taskRetentionMs: 0, deadLetterRetentionMs: 0 };
      expect((await scene.sweep(dropped)).sweptCount).toBe(0);
      for (const ref of [queued.ref, running.lease, retrying.lease]) await scene.get(ref);
    });

    it("drops a session after its last commit's own time, and only while it is idle", async () => {
      const idle = await scene.run({ task: { sessionId: "idle" } });
      await scene.commit(idle);
      const busy = await scene.run({ task: { sessionId: "busy" } });
      await scene.commit(busy);
      await scene.accept({ task: { sessionId: "busy" } });
      await scene.sweep({ sessionRetentionMs: scene.ms(50) });
      expect(await scene.store.sessions.load(scene.session("idle"))).toBeDefined();
      await scene.pass(50);
      await scene.sweep({ sessionRetentionMs: scene.ms(50) });
      expect(await scene.store.sessions.load(scene.session("idle"))).toBeUndefined();
      expect(await scene.store.sessions.load(scene.session("busy"))).toBeDefined();
    });

    it("counts from the end after a redrive, not from the first failure", async () => {
      const ref = await failedTask();
      await scene.pass(50);
      await redrive(ref);
      await scene.complete(await scene.claim(ref));
      await scene.sweep({ taskRetentionMs: scene.ms(50), deadLetterRetentionMs: 0 });
      expect(await scene.state(ref)).toBe(TaskState.COMPLETED);
    });

    it("works through a backlog in bounded steps", async () => {
      for (let index = 0; index < 5; index++) await scene.complete(await scene.run());
      const sweep = () => scene.sweep({ limit: 2, taskRetentionMs: 0 });
      const counts = [await sweep(), await sweep(), await sweep(), await sweep()];
      expect(counts.map(({ sweptCount }) => sweptCount)).toEqual([2, 2, 1, 0]);
    });
  });
}
