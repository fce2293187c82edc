import { describe, expect, it } from "vitest";
import { MultitaskStrategy, Priority, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { newTaskId, QUEUE, submission } from "../../harness/builders.ts";
import { announced, type Scene } from "./scene.ts";

export function acceptCases(scene: Scene): void {
  describe("accept", () => {
    it("makes the task QUEUED, ready and readable", async () => {
      const { ref, task, existing } = await scene.accept({ task: { metadata: { team: "a" } } });
      expect(existing).toBe(false);
      expect(task).toMatchObject({ state: TaskState.QUEUED, attempt: 0, lastSequence: 1 });
      expect(task.createdAt).toBeDefined();
      expect(await scene.get(ref)).toEqual(task);
      expect(await scene.ready()).toEqual([ref.taskId]);
    });

    it("writes the first event", async () => {
      const { ref, effects } = await scene.accept();
      const [first] = await scene.entries(ref);
      expect(first).toMatchObject({ attempt: 0, sequence: 1 });
      expect(first?.event?.createdAt).toBeDefined();
      expect(first?.event?.kind).toMatchObject({
        case: "stateChange",
        value: { previous: TaskState.UNSPECIFIED, state: TaskState.QUEUED },
      });
      expect(announced(effects)).toEqual([first]);
    });

    it("rings for it", async () => {
      const { ref, effects } = await scene.accept();
      scene.expectRung(effects, ref);
    });

    it("rings with what the queue and the worker need", async () => {
      const traceHeaders = { traceparent: "00-1-2-01" };
      const task = { priority: Priority.HIGH, queue: "gpu" };
      const { ref } = await scene.accept({ task, traceHeaders });
      const [doorbell] = await scene.store.tasks.ready("gpu", "", 10);
      expect(doorbell).toMatchObject({ ...ref, ...task, traceHeaders, preferredWorkerId: "" });
      expect(doorbell?.publishedAt).toBeDefined();
    });

    it("turns the deadline into an instant", async () => {
      const { task } = await scene.accept({ deadlineInMs: 60_000 });
      const lasts = Number(task.deadline?.seconds) - Number(task.createdAt?.seconds);
      expect(lasts).toBe(60);
      expect((await scene.accept()).task.deadline).toBeUndefined();
    });

    it("tells when the deadline is due", async () => {
      const { effects } = await scene.accept({ deadlineInMs: 60_000 });
      expect(effects.nextDueInMs).toBeGreaterThan(0);
      expect(effects.nextDueInMs).toBeLessThanOrEqual(60_000);
    });

    it("answers a repeat with the same task id by the task as it stands", async () => {
      const repeated = submission();
      const { task } = await scene.store.tasks.create(repeated);
      const again = await scene.store.tasks.create(repeated);
      expect(again.task.taskId).toBe(task.taskId);
      expect((await scene.store.log.figures(QUEUE)).readyCount).toBe(1);
    });

    it("rings again for a task whose doorbell nobody confirmed", async () => {
      const { ref } = await scene.accept();
      const { ref: confirmed } = await scene.accept();
      await scene.store.tasks.markPublished([confirmed]);
      await scene.pass(5);
      const { effects } = await scene.sweep({ unpublishedAfterMs: scene.ms(5) });
      scene.expectRung(effects, ref);
    });

    it("does not ring again before its time, nor twice at once", async () => {
      const { ref } = await scene.accept();
      scene.expectRung((await scene.sweep()).effects);
      await scene.pass(50);
      const unpublishedAfterMs = scene.ms(50);
      scene.expectRung((await scene.sweep({ unpublishedAfterMs })).effects, ref);
      scene.expectRung((await scene.sweep({ unpublishedAfterMs })).effects);
    });

    it("ignores the confirmation for a task that is unknown or not queued", async () => {
      const claim = await scene.run();
      await scene.store.tasks.markPublished([
        claim.lease,
        { tenant: "nobody", taskId: "nothing" },
        { ...claim.lease, taskId: newTaskId() },
      ]);
      expect(await scene.state(claim.lease)).toBe(TaskState.RUNNING);
    });

    it("lists doorbells by task id, in pages", async () => {
      const accepted = [await scene.accept(), await scene.accept(), await scene.accept()];
      const taskIds = accepted.map(({ ref }) => ref.taskId);
      const first = await scene.store.tasks.ready(QUEUE, "", 2);
      expect(first.map(({ taskId }) => taskId)).toEqual(taskIds.slice(0, 2));
      const rest = await scene.store.tasks.ready(QUEUE, taskIds[1] ?? "", 2);
      expect(rest.map(({ taskId }) => taskId)).toEqual(taskIds.slice(2));
    });

    it("goes on with the page after a task that is no longer ready", async () => {
      const first = await scene.accept();
      const second = await scene.accept();
      await scene.claim(first.ref);
      const rest = await scene.store.tasks.ready(QUEUE, first.ref.taskId, 2);
      expect(rest.map(({ taskId }) => taskId)).toEqual([second.ref.taskId]);
    });
  });

  describe("queue limit", () => {
    it("refuses what a full queue cannot take, and says when to try again", async () => {
      await scene.accept();
      await expect(scene.accept({ maxQueueSize: 1 })).rejects.toMatchObject({
        kind: "resource_exhausted",
        reason: "QUEUE_FULL",
        retryable: true,
        retryAfterMs: expect.any(Number),
      });
      expect(await scene.ready()).toHaveLength(1);
    });

    it("counts running, waiting and retrying tasks, not ended ones", async () => {
      const running = await scene.run();
      const retrying = await scene.run();
      await scene.retry(retrying, 100);
      await scene.lane();
      await scene.complete(await scene.run());
      await expect(scene.accept({ maxQueueSize: 5 })).rejects.toMatchObject({
        reason: "QUEUE_FULL",
      });
      await scene.complete(running);
      await scene.accept({ maxQueueSize: 5 });
    });

    it("is per queue", async () => {
      await scene.accept({ task: { queue: "full" } });
      await scene.accept({ task: { queue: "other" }, maxQueueSize: 1 });
    });

    it("counts what an interrupt frees", async () => {
      await scene.acceptIn("s1");
      const strategy = MultitaskStrategy.INTERRUPT;
      await scene.acceptIn("s1", { strategy, maxQueueSize: 1 });
      expect(await scene.ready()).toHaveLength(1);
    });

    it("leaves nothing behind of a refused task, not even of its strategy", async () => {
      const { ref: first } = await scene.acceptIn("s1");
      await scene.accept();
      const strategy = MultitaskStrategy.ROLLBACK;
      const refused = scene.acceptIn("s1", { strategy, maxQueueSize: 1 });
      await expect(refused).rejects.toMatchObject({ reason: "QUEUE_FULL" });
      expect(await scene.state(first)).toBe(TaskState.QUEUED);
      await expect(scene.acceptIn("s9", { maxQueueSize: 1 })).rejects.toThrow();
      expect(await scene.store.sessions.lane(scene.session("s9"))).toEqual([]);
    });
  });

  describe("idempotency", () => {
    const key = { idempotencyKey: "k1" };

    it("answers the same key and request by the same task", async () => {
      const first = await scene.accept({ task: key, requestDigest: "d1" });
      const second = await scene.accept({ task: key, requestDigest: "d1" });
      expect(second.existing).toBe(true);
      expect(second.ref).toEqual(first.ref);
      expect(second.effects.doorbells).toEqual([]);
      expect(await scene.ready()).toEqual([first.ref.taskId]);
    });

    it("refuses the same key with another request", async () => {
      await scene.accept({ task: key, requestDigest: "d1" });
      await expect(scene.accept({ task: key, requestDigest: "d2" })).rejects.toMatchObject({
        kind: "already_exists",
        reason: "IDEMPOTENCY_CONFLICT",
      });
    });

    it("answers by a task that has ended since", async () => {
      const claim = await scene.run({ task: key, requestDigest: "d1" });
      await scene.complete(claim);
      const again = await scene.accept({ task: key, requestDigest: "d1" });
      expect(again.task.state).toBe(TaskState.COMPLETED);
    });

    it("comes before the queue limit and before REJECT", async () => {
      const task = { ...key, sessionId: "s1" };
      const first = await scene.accept({ task, requestDigest: "d1" });
      const strategy = MultitaskStrategy.REJECT;
      const again = { task, requestDigest: "d1", maxQueueSize: 1, strategy };
      expect((await scene.accept(again)).ref).toEqual(first.ref);
    });

    it("holds for exactly one of many concurrent submits", async () => {
      const submits = Array.from({ length: 50 }, () => {
        return scene.accept({ task: key, requestDigest: "d1" });
      });
      const accepted = await Promise.all(submits);
      expect(new Set(accepted.map(({ ref }) => ref.taskId)).size).toBe(1);
      expect(accepted.filter(({ existing }) => !existing)).toHaveLength(1);
    });

    it("is forgotten after its time", async () => {
      const overrides = { task: key, requestDigest: "d1", idempotencyMs: scene.ms(20) };
      const first = await scene.accept(overrides);
      await scene.pass(21);
      const second = await scene.accept({ ...overrides, requestDigest: "d2" });
      expect(second.existing).toBe(false);
      expect(second.ref).not.toEqual(first.ref);
      await scene.sweep();
      expect((await scene.accept({ ...overrides, requestDigest: "d2" })).ref).toEqual(second.ref);
    });

    it("keeps the task past its retention as long as the key", async () => {
      const overrides = { task: key, requestDigest: "d1", idempotencyMs: scene.ms(50) };
      const claim = await scene.run(overrides);
      await scene.complete(claim);
      await scene.sweep({ taskRetentionMs: 0 });
      expect((await scene.accept(overrides)).ref.taskId).toBe(claim.lease.taskId);
      await scene.pass(51);
      await scene.sweep({ taskRetentionMs: 0 });
      await scene.sweep({ taskRetentionMs: 0 });
      await expect(scene.get(claim.lease)).rejects.toMatchObject({ kind: "not_found" });
    });
  });
}
