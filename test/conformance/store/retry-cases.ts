import { describe, expect, it } from "vitest";
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import { AttemptOutcome, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { Code } from "../../../gen/google/rpc/code_pb.js";
import { newTaskId, QUEUE, TENANT } from "../../harness/builders.ts";
import { announced, canceled, retried, type Scene, told } from "./scene.ts";

export function retryCases(scene: Scene): void {
  describe("retry", () => {
    it("waits in RETRY_WAIT until its next attempt is due", async () => {
      const claim = await scene.run();
      const { task, effects } = await scene.retry(claim, 50);
      expect(task).toMatchObject({
        state: TaskState.RETRY_WAIT,
        consumedAttempts: 1,
        nextAttemptAt: expect.anything(),
        error: { reason: "AGENT_ERROR" },
      });
      expect(task.finishedAt).toBeUndefined();
      expect(effects.nextDueInMs).toBeGreaterThan(0);
      expect(effects.nextDueInMs).toBeLessThanOrEqual(scene.ms(50));
      await scene.sweep();
      expect(await scene.tryClaim(claim.lease)).toBeUndefined();
      expect(await scene.store.log.figures(QUEUE)).toMatchObject({
        retryWaitCount: 1,
        waitingCount: 1,
        readyCount: 0,
      });
      await scene.pass(50);
      const swept = await scene.sweep();
      expect(swept.sweptCount).toBe(1);
      scene.expectRung(swept.effects, claim.lease);
      const ready = await scene.get(claim.lease);
      expect(ready.state).toBe(TaskState.QUEUED);
      expect(ready.nextAttemptAt).toBeUndefined();
      expect(ready.error).toBeUndefined();
    });

    it("tells its log of every state", async () => {
      const claim = await scene.run();
      await scene.retry(claim);
      await scene.sweep();
      await scene.complete(await scene.claim(claim.lease, "w2"));
      expect(await scene.history(claim.lease)).toEqual([
        TaskState.QUEUED,
        TaskState.RUNNING,
        TaskState.RETRY_WAIT,
        TaskState.QUEUED,
        TaskState.RUNNING,
        TaskState.COMPLETED,
      ]);
    });

    it("goes on with the sequence, each event under its attempt", async () => {
      const first = await scene.run();
      await scene.append(first, "a");
      await scene.finish(first, retried(), { afterSequence: 3 });
      await scene.sweep();
      const second = await scene.claim(first.lease);
      await scene.append(second, "b");
      const entries = await scene.entries(first.lease);
      expect(told(entries)).toEqual(["1", "2", "3 a", "4", "5", "6", "7 b"]);
      expect(entries.map(({ attempt }) => attempt)).toEqual([0, 1, 1, 1, 1, 2, 2]);
    });

    it("counts attempts, drains aside", async () => {
      const { ref } = await scene.accept();
      await scene.release(await scene.claim(ref));
      await scene.retry(await scene.claim(ref));
      await scene.sweep();
      await scene.release(await scene.claim(ref));
      await scene.fail(await scene.claim(ref));
      expect(await scene.get(ref)).toMatchObject({
        attempt: 4,
        consumedAttempts: 2,
        attempts: [
          { attempt: 1, outcome: AttemptOutcome.RELEASED },
          { attempt: 2, outcome: AttemptOutcome.FAILED },
          { attempt: 3, outcome: AttemptOutcome.RELEASED },
          { attempt: 4, outcome: AttemptOutcome.FAILED },
        ],
      });
    });

    it("keeps the newest 32 attempts", async () => {
      const { ref } = await scene.accept();
      for (let attempt = 1; attempt <= 40; attempt++) await scene.release(await scene.claim(ref));
      const { attempts, attempt } = await scene.get(ref);
      expect(attempt).toBe(40);
      expect(attempts.map((each) => each.attempt)).toEqual(
        Array.from({ length: 32 }, (_, index) => index + 9),
      );
    });

    it("sweeps at most its limit, the earliest first", async () => {
      const claims = [await scene.run(), await scene.run(), await scene.run()];
      for (const [index, claim] of claims.entries()) await scene.retry(claim, 3 - index);
      await scene.pass(5);
      const { sweptCount } = await scene.sweep({ limit: 2 });
      expect(sweptCount).toBe(2);
      expect((await scene.ready()).sort()).toEqual(
        claims.slice(1).map(({ lease }) => lease.taskId),
      );
      expect((await scene.sweep({ limit: 2 })).sweptCount).toBe(1);
    });
  });

  describe("cancel", () => {
    it("ends a queued task at once", async () => {
      const { ref } = await scene.accept();
      const { task, effects } = await scene.cancel(ref, CancelMode.DISCARD, "changed my mind");
      expect(task).toMatchObject({
        state: TaskState.CANCELED,
        cancelRequestedAt: expect.anything(),
        finishedAt: expect.anything(),
        error: { code: Code.CANCELLED, reason: "CANCELED", message: "changed my mind" },
      });
      expect(announced(effects)).toHaveLength(1);
      expect(await scene.ready()).toEqual([]);
      expect(await scene.tryClaim(ref)).toBeUndefined();
    });

    it("ends a task that waits for its retry at once", async () => {
      const claim = await scene.run();
      await scene.retry(claim, 10);
      expect((await scene.cancel(claim.lease)).task.state).toBe(TaskState.CANCELED);
      await scene.pass(20);
      expect((await scene.sweep()).sweptCount).toBe(0);
      expect(await scene.state(claim.lease)).toBe(TaskState.CANCELED);
    });

    it("is recorded on a running task and told to its worker", async () => {
      const { lease } = await scene.run();
      const { task, effects } = await scene.cancel(lease, CancelMode.KEEP, "enough");
      expect(task.state).toBe(TaskState.RUNNING);
      expect(task.cancelRequestedAt).toBeDefined();
      expect(effects.notices).toMatchObject([
        {
          tenant: TENANT,
          taskId: lease.taskId,
          kind: { case: "cancelRequested", value: { mode: CancelMode.KEEP, reason: "enough" } },
        },
      ]);
    });

    it("keeps the mode and reason of the first request", async () => {
      const { lease } = await scene.run();
      const first = (await scene.cancel(lease, CancelMode.KEEP, "first")).task;
      const second = (await scene.cancel(lease, CancelMode.DISCARD, "second")).task;
      expect(second.cancelRequestedAt).toEqual(first.cancelRequestedAt);
      const [status] = await scene.store.tasks.renew([lease], scene.leaseMs);
      expect(status?.cancel).toEqual({ mode: CancelMode.KEEP, reason: "first" });
    });

    it("leaves a terminal task as it is", async () => {
      const claim = await scene.run();
      const { task: ended } = await scene.complete(claim);
      const { task, effects } = await scene.cancel(claim.lease);
      expect(task).toEqual(ended);
      expect(effects.notices).toEqual([]);
    });

    it("may lose the race with a completion", async () => {
      const claim = await scene.run();
      await scene.cancel(claim.lease);
      expect((await scene.complete(claim)).task.state).toBe(TaskState.COMPLETED);
    });

    it.each(["retry", "release"] as const)("turns a later %s into CANCELED", async (ending) => {
      const claim = await scene.run();
      await scene.cancel(claim.lease, CancelMode.DISCARD, "enough");
      const { task, effects } = await scene[ending](claim);
      expect(task).toMatchObject({
        state: TaskState.CANCELED,
        finishedAt: expect.anything(),
        error: { code: Code.CANCELLED, reason: "CANCELED", message: "enough" },
      });
      expect(task.nextAttemptAt).toBeUndefined();
      scene.expectRung(effects);
      expect(await scene.ready()).toEqual([]);
    });

    it("turns the retry of an expired attempt into CANCELED", async () => {
      const claim = await scene.run();
      await scene.cancel(claim.lease);
      await scene.outliveLeases();
      const ending = { ...retried(), leaseExpired: true };
      const { task } = await scene.finish(claim, ending, { ifExpired: true });
      expect(task.state).toBe(TaskState.CANCELED);
      expect(task.attempts.at(-1)?.outcome).toBe(AttemptOutcome.LEASE_EXPIRED);
    });

    it("finds the task by its idempotency key", async () => {
      const { ref } = await scene.accept({ task: { idempotencyKey: "k1" } });
      const { task } = await scene.cancelByKey("k1");
      expect(task).toMatchObject({ taskId: ref.taskId, state: TaskState.CANCELED });
    });

    it("can ask before which task that is", async () => {
      const shortly = { task: { idempotencyKey: "k2" }, idempotencyMs: scene.ms(100) };
      const { ref } = await scene.accept({ task: { idempotencyKey: "k1" } });
      const { ref: other } = await scene.accept({
        tenant: "other",
        task: { idempotencyKey: "k1" },
      });
      await scene.accept(shortly);
      const idOfKey = (key: string, tenant = TENANT) => scene.store.log.idOfKey(tenant, key);
      expect(await idOfKey("k1")).toBe(ref.taskId);
      expect(await idOfKey("k1", "other")).toBe(other.taskId);
      await scene.cancel(ref);
      expect(await idOfKey("k1")).toBe(ref.taskId);
      await scene.pass(101);
      const missing = { kind: "not_found", reason: "TASK_NOT_FOUND" };
      for (const key of ["k2", "K1", "k1 ", "", "__proto__"]) {
        await expect(idOfKey(key), key).rejects.toMatchObject(missing);
        await expect(scene.cancelByKey(key), key).rejects.toMatchObject(missing);
      }
    });

    it("is not_found for an unknown task, key or tenant", async () => {
      const { ref } = await scene.accept({ task: { idempotencyKey: "k1" } });
      const missing = { kind: "not_found", reason: "TASK_NOT_FOUND" };
      const unknown = { ...ref, taskId: newTaskId() };
      await expect(scene.cancel(unknown)).rejects.toMatchObject(missing);
      await expect(scene.cancel({ ...ref, tenant: "other" })).rejects.toMatchObject(missing);
      await expect(scene.cancelByKey("k2")).rejects.toMatchObject(missing);
      await expect(scene.cancelByKey("k1", "other")).rejects.toMatchObject(missing);
    });

    it("writes nothing into the log of a task that ended CANCELED", async () => {
      const claim = await scene.run();
      await scene.cancel(claim.lease);
      await scene.finish(claim, canceled());
      await expect(scene.append(claim, "late")).rejects.toMatchObject({ kind: "lease_lost" });
      await scene.cancel(claim.lease);
      expect((await scene.history(claim.lease)).at(-1)).toBe(TaskState.CANCELED);
    });

    it("has one winner when it races a claim", async () => {
      for (let round = 0; round < 20; round++) {
        const { ref } = await scene.accept();
        const [claim, { task }] = await Promise.all([scene.tryClaim(ref), scene.cancel(ref)]);
        const now = await scene.get(ref);
        expect(now.state).toBe(claim ? TaskState.RUNNING : TaskState.CANCELED);
        expect(now.cancelRequestedAt).toBeDefined();
        expect(task.taskId).toBe(ref.taskId);
      }
    });
  });

  describe("deadlines", () => {
    const overdue = { code: Code.DEADLINE_EXCEEDED, reason: "DEADLINE_EXCEEDED" };

    it("fail a queued task in the sweep, and promote the next", async () => {
      const { ref } = await scene.acceptIn("s1", { deadlineInMs: scene.ms(5) });
      const { ref: second } = await scene.acceptIn("s1");
      await scene.pass(6);
      const { sweptCount, effects } = await scene.sweep();
      expect(sweptCount).toBe(1);
      scene.expectRung(effects, second);
      expect(await scene.get(ref)).toMatchObject({ state: TaskState.FAILED, error: overdue });
      expect(await scene.deadLetters()).toEqual([ref.taskId]);
    });

    it("fail a task behind its lane's head", async () => {
      await scene.acceptIn("s1");
      const { ref } = await scene.acceptIn("s1", { deadlineInMs: scene.ms(5) });
      await scene.pass(6);
      await scene.sweep();
      expect(await scene.state(ref)).toBe(TaskState.FAILED);
      expect(await scene.ready()).toHaveLength(1);
    });

    it("fail a task that waits for its retry", async () => {
      const claim = await scene.run({ deadlineInMs: scene.ms(20) });
      const { effects } = await scene.retry(claim, 1000);
      expect(effects.nextDueInMs).toBeLessThanOrEqual(scene.ms(20));
      await scene.pass(21);
      await scene.sweep();
      expect(await scene.get(claim.lease)).toMatchObject({
        state: TaskState.FAILED,
        error: overdue,
      });
    });

    it("fail a queued task at its claim", async () => {
      const { ref } = await scene.acceptIn("s1", { deadlineInMs: 0 });
      const { ref: second } = await scene.acceptIn("s1");
      await scene.pass(1);
      const { claim, effects } = await scene.claimAs(ref, "w1", "c1");
      expect(claim).toBeUndefined();
      scene.expectRung(effects, second);
      expect(announced(effects)).toHaveLength(1);
      expect(await scene.get(ref)).toMatchObject({ state: TaskState.FAILED, error: overdue });
    });

    it("leave a running task to its worker", async () => {
      const claim = await scene.run({ deadlineInMs: scene.ms(20) });
      await scene.pass(21);
      expect((await scene.sweep()).sweptCount).toBe(0);
      await scene.complete(claim);
    });

    it("are known no more once the tasks have ended", async () => {
      const claim = await scene.run({ deadlineInMs: scene.ms(20) });
      expect((await scene.complete(claim)).effects.nextDueInMs).toBeUndefined();
    });

    it("are not made up by a sweep where nothing waits", async () => {
      await scene.acceptIn("s1");
      expect((await scene.sweep()).effects.nextDueInMs).toBeUndefined();
      await scene.acceptIn("s2", { deadlineInMs: scene.ms(1000) });
      expect((await scene.sweep()).effects.nextDueInMs).toBeGreaterThan(0);
    });
  });
}
