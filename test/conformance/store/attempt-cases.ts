import { describe, expect, it } from "vitest";
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import { AttemptOutcome, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { messageEvents, newTaskId, QUEUE, TENANT } from "../../harness/builders.ts";
import { announced, completed, failed, retried, type Scene, told } from "./scene.ts";

export function attemptCases(scene: Scene): void {
  describe("claims and fences", () => {
    it("make the task RUNNING, with a lease and an announced attempt", async () => {
      const { ref } = await scene.acceptIn("s1");
      const { claim, effects } = await scene.store.tasks.claim({
        ref,
        workerId: "w1",
        claimId: newTaskId(),
        leaseMs: scene.leaseMs,
        spanId: "00f067aa0ba902b7",
      });
      expect(claim?.lease).toMatchObject({ ...ref, attempt: 1 });
      expect(claim?.sessionEtag).toBe("");
      expect(claim?.deadlineInMs).toBeUndefined();
      expect(claim?.record).toMatchObject({ fence: claim?.lease.fence });
      expect(claim?.record.leaseExpiresAt).toBeDefined();
      expect(claim?.record.request?.messages).toHaveLength(1);
      expect(claim?.record.task).toEqual(await scene.get(ref));
      expect(claim?.record.task).toMatchObject({
        state: TaskState.RUNNING,
        attempt: 1,
        consumedAttempts: 0,
        lastSequence: 2,
        startedAt: expect.anything(),
        attempts: [{ attempt: 1, workerId: "w1", spanId: "00f067aa0ba902b7" }],
      });
      expect(announced(effects)).toMatchObject([
        {
          attempt: 1,
          sequence: 2,
          event: { kind: { value: { state: TaskState.RUNNING, workerId: "w1" } } },
        },
      ]);
      expect(await scene.ready()).toEqual([]);
    });

    it("are refused for what runs, has ended, or does not exist", async () => {
      const claim = await scene.run();
      expect(await scene.tryClaim(claim.lease)).toBeUndefined();
      await scene.complete(claim);
      expect(await scene.tryClaim(claim.lease)).toBeUndefined();
      expect(await scene.tryClaim({ tenant: TENANT, taskId: newTaskId() })).toBeUndefined();
    });

    it("carry the time left until the deadline", async () => {
      const claim = await scene.run({ deadlineInMs: 60_000 });
      expect(claim.deadlineInMs).toBeGreaterThan(0);
      expect(claim.deadlineInMs).toBeLessThanOrEqual(60_000);
    });

    it("strictly increase the fence and the attempt", async () => {
      const { ref } = await scene.accept();
      let fence = 0n;
      for (let attempt = 1; attempt <= 4; attempt++) {
        const claim = await scene.claim(ref);
        expect(claim.lease.fence).toBeGreaterThan(fence);
        expect(claim.lease.attempt).toBe(attempt);
        fence = claim.lease.fence;
        await scene.release(claim);
      }
    });

    it("shut out every write with an older fence", async () => {
      const { ref } = await scene.accept();
      const stale = await scene.claim(ref);
      await scene.release(stale);
      const current = await scene.claim(ref, "w2");
      const lost = { kind: "lease_lost", reason: "LEASE_LOST", retryable: false };
      await expect(scene.append(stale, "late")).rejects.toMatchObject(lost);
      await expect(scene.complete(stale)).rejects.toMatchObject(lost);
      expect(await scene.store.tasks.renew([stale.lease], scene.leaseMs)).toEqual([
        { valid: false },
      ]);
      await scene.complete(current);
      expect(await scene.history(ref)).toEqual([
        TaskState.QUEUED,
        TaskState.RUNNING,
        TaskState.QUEUED,
        TaskState.RUNNING,
        TaskState.COMPLETED,
      ]);
    });

    it("are void once the task has ended", async () => {
      const claim = await scene.run();
      await scene.complete(claim);
      await expect(scene.append(claim, "late")).rejects.toMatchObject({ kind: "lease_lost" });
      await expect(scene.fail(claim)).rejects.toMatchObject({ kind: "lease_lost" });
      expect(await scene.state(claim.lease)).toBe(TaskState.COMPLETED);
    });

    it("are void for an unknown task and for another tenant", async () => {
      const claim = await scene.run();
      for (const other of [{ taskId: newTaskId() }, { tenant: "other" }]) {
        const foreign = { ...claim, lease: { ...claim.lease, ...other } };
        const request = { afterSequence: 2, events: [], ending: completed() };
        const append = scene.store.tasks.append(foreign.lease, 2, messageEvents("x"));
        await expect(append).rejects.toMatchObject({ kind: "lease_lost" });
        const finish = scene.store.tasks.finish(foreign.lease, request);
        await expect(finish).rejects.toMatchObject({ kind: "lease_lost" });
      }
    });
  });

  describe("a repeated claim", () => {
    it("answers the same claim while its lease is held, and consumes nothing", async () => {
      await scene.commit(await scene.claim((await scene.acceptIn("s1")).ref));
      const { ref } = await scene.acceptIn("s1");
      const first = await scene.claimAs(ref, "w1", "c1");
      await scene.pass(2);
      const again = await scene.claimAs(ref, "w1", "c1");
      const { published: _, ...record } = first.claim?.record ?? {};
      expect(again.claim).toMatchObject({ ...first.claim, record });
      expect(announced(again.effects)).toEqual(announced(first.effects));
      expect(await scene.get(ref)).toMatchObject({
        attempt: 1,
        consumedAttempts: 0,
        lastSequence: 2,
        attempts: [{ attempt: 1 }],
      });
      await scene.complete(await scene.claim(ref, "w1", "c1"));
    });

    it("does not extend the lease, and revives none that was ended", async () => {
      const { ref } = await scene.accept();
      await scene.claim(ref, "w1", "c1");
      await scene.pass(6);
      const { lease } = await scene.claim(ref, "w1", "c1");
      await scene.pass(6);
      expect((await scene.store.tasks.expired(10)).map((found) => found.lease)).toEqual([lease]);
    });

    it("tells of a cancel that came meanwhile", async () => {
      const { ref } = await scene.accept();
      await scene.claim(ref, "w1", "c1");
      await scene.cancel(ref, CancelMode.KEEP, "enough");
      expect((await scene.claim(ref, "w1", "c1")).record).toMatchObject({
        cancelMode: CancelMode.KEEP,
        cancelReason: "enough",
      });
    });

    it("answers nothing when the attempt has ended, whatever became of the task", async () => {
      const { ref } = await scene.accept();
      await scene.release(await scene.claim(ref, "w1", "c1"));
      expect(await scene.tryClaim(ref, "w1", "c1")).toBeUndefined();
      expect(await scene.state(ref)).toBe(TaskState.QUEUED);
      await scene.complete(await scene.claim(ref, "w1", "c2"));
      expect(await scene.tryClaim(ref, "w1", "c2")).toBeUndefined();
    });

    it("answers nothing when another claim has the task", async () => {
      const { ref } = await scene.accept();
      await scene.release(await scene.claim(ref, "w1", "c1"));
      const other = await scene.claim(ref, "w2", "c2");
      expect(await scene.tryClaim(ref, "w1", "c1")).toBeUndefined();
      await scene.complete(other);
    });

    it("at the same time as the first one makes one attempt", async () => {
      const { ref } = await scene.accept();
      const claims = await Promise.all([1, 2, 3].map(() => scene.claim(ref, "w1", "c1")));
      expect(new Set(claims.map(({ lease }) => lease.fence)).size).toBe(1);
      expect(await scene.get(ref)).toMatchObject({ attempt: 1, lastSequence: 2 });
    });
  });

  describe("append", () => {
    it("numbers events densely and stamps them", async () => {
      const claim = await scene.run();
      expect(await scene.append(claim, "a", "b")).toBe(4);
      expect(await scene.append(claim, "c")).toBe(5);
      const entries = await scene.entries(claim.lease);
      expect(told(entries)).toEqual(["1", "2", "3 a", "4 b", "5 c"]);
      expect(entries.every(({ event }) => event?.createdAt !== undefined)).toBe(true);
      expect(entries.map(({ attempt }) => attempt)).toEqual([0, 1, 1, 1, 1]);
      expect((await scene.get(claim.lease)).lastSequence).toBe(5);
    });

    it("tells watchers exactly what it wrote", async () => {
      const { lease } = await scene.run();
      const { effects } = await scene.store.tasks.append(lease, 2, messageEvents("a", "b"));
      expect(told(announced(effects))).toEqual(["3 a", "4 b"]);
      expect(effects.notices).toMatchObject([{ tenant: TENANT, taskId: lease.taskId }]);
      expect(effects.doorbells).toEqual([]);
    });

    it("answers a repeat the same and changes nothing", async () => {
      const { lease } = await scene.run();
      const append = () => scene.store.tasks.append(lease, 2, messageEvents("a", "b"));
      const first = await append();
      const second = await append();
      expect(second.lastSequence).toBe(first.lastSequence);
      expect(told(announced(second.effects))).toEqual(told(announced(first.effects)));
      expect(told(await scene.entries(lease))).toEqual(["1", "2", "3 a", "4 b"]);
    });

    it("answers a repeat that arrives after later appends", async () => {
      const { lease } = await scene.run();
      await scene.store.tasks.append(lease, 2, messageEvents("a"));
      await scene.store.tasks.append(lease, 3, messageEvents("b"));
      const late = await scene.store.tasks.append(lease, 2, messageEvents("a"));
      expect(late.lastSequence).toBe(3);
      expect(told(await scene.entries(lease))).toEqual(["1", "2", "3 a", "4 b"]);
    });

    it("skips the positions that an unanswered append has written", async () => {
      const { lease } = await scene.run();
      await scene.store.tasks.append(lease, 2, messageEvents("a"));
      const { lastSequence } = await scene.store.tasks.append(lease, 2, messageEvents("a", "b"));
      expect(lastSequence).toBe(4);
      expect(told(await scene.entries(lease))).toEqual(["1", "2", "3 a", "4 b"]);
    });

    it("refuses a gap", async () => {
      const { lease } = await scene.run();
      await expect(scene.store.tasks.append(lease, 3, messageEvents("a"))).rejects.toMatchObject({
        kind: "internal",
      });
      expect(told(await scene.entries(lease))).toEqual(["1", "2"]);
    });

    it("refuses to write over what came before its attempt", async () => {
      const { lease } = await scene.run();
      await expect(scene.store.tasks.append(lease, 1, messageEvents("a"))).rejects.toMatchObject({
        kind: "internal",
      });
    });

    it("takes no events", async () => {
      const { lease } = await scene.run();
      expect(await scene.store.tasks.append(lease, 2, [])).toMatchObject({ lastSequence: 2 });
    });

    it("goes on after the lease has ended, as long as nobody acted upon it", async () => {
      const claim = await scene.run();
      await scene.outliveLeases();
      expect(await scene.append(claim, "late")).toBe(3);
    });
  });

  describe("finish", () => {
    it("ends the task with its last events, its result and the terminal event", async () => {
      const claim = await scene.run();
      const { task, effects } = await scene.finish(claim, completed("42"), {
        events: messageEvents("last"),
      });
      expect(task).toMatchObject({
        state: TaskState.COMPLETED,
        lastSequence: 4,
        finishedAt: expect.anything(),
        consumedAttempts: 1,
        attempts: [{ outcome: AttemptOutcome.COMPLETED, finishedAt: expect.anything() }],
      });
      expect(task.result?.messages).toHaveLength(1);
      expect(task.error).toBeUndefined();
      const entries = await scene.entries(claim.lease);
      expect(told(entries)).toEqual(["1", "2", "3 last", "4"]);
      expect(entries.at(-1)?.event?.kind).toMatchObject({
        case: "stateChange",
        value: { previous: TaskState.RUNNING, state: TaskState.COMPLETED, result: task.result },
      });
      expect(announced(effects)).toEqual(entries.slice(2));
      expect(await scene.get(claim.lease)).toEqual(task);
    });

    it("keeps the error of a failure, in the task, its attempt and its log", async () => {
      const claim = await scene.run();
      const { task } = await scene.fail(claim, "BROKEN");
      const error = { reason: "BROKEN" };
      expect(task).toMatchObject({ state: TaskState.FAILED, error });
      expect(task.attempts).toMatchObject([{ outcome: AttemptOutcome.FAILED, error }]);
      const last = (await scene.entries(claim.lease)).at(-1);
      expect(last?.event?.kind.value).toMatchObject({ state: TaskState.FAILED, error });
    });

    it("answers a repeat the same, effects included", async () => {
      const [first, second] = await scene.lane();
      const claim = await scene.claim(first);
      const finish = () => scene.finish(claim, completed(), { events: messageEvents("last") });
      const once = await finish();
      const twice = await finish();
      expect(twice.task).toEqual(once.task);
      expect(announced(twice.effects)).toEqual(announced(once.effects));
      scene.expectRung(once.effects, second);
      scene.expectRung(twice.effects, second);
      expect(await scene.history(first)).toHaveLength(3);
      const figures = await scene.store.log.figures(QUEUE);
      expect(figures).toMatchObject({ completedCount: 1, attemptCount: 1 });
    });

    it("refuses another ending than the one that won", async () => {
      const claim = await scene.run();
      await scene.complete(claim);
      await expect(scene.fail(claim)).rejects.toMatchObject({ kind: "lease_lost" });
    });

    it("skips the events that an unanswered append has written", async () => {
      const claim = await scene.run();
      await scene.append(claim, "a");
      await scene.finish(claim, completed(), { afterSequence: 2, events: messageEvents("a", "b") });
      expect(told(await scene.entries(claim.lease))).toEqual(["1", "2", "3 a", "4 b", "5"]);
    });

    it("refuses a gap and leaves the task as it was", async () => {
      const claim = await scene.run();
      const gap = scene.finish(claim, completed(), { afterSequence: 7 });
      await expect(gap).rejects.toMatchObject({ kind: "internal" });
      expect(await scene.state(claim.lease)).toBe(TaskState.RUNNING);
      await scene.complete(claim);
    });

    it("succeeds after the lease has ended, as long as nobody acted upon it", async () => {
      const claim = await scene.run();
      await scene.outliveLeases();
      expect((await scene.complete(claim)).task.state).toBe(TaskState.COMPLETED);
    });

    it("has one winner among many that race", async () => {
      const claim = await scene.run();
      const endings = [completed(), failed(), retried(0), completed("other")];
      const results = await Promise.allSettled(
        endings.map((ending) => scene.finish(claim, ending)),
      );
      const state = await scene.state(claim.lease);
      const won = results.flatMap((result) => {
        return result.status === "fulfilled" ? [result.value.task.state] : [];
      });
      expect(new Set(won)).toEqual(new Set([state]));
    });

    it("leaves handed-out tasks as they were", async () => {
      const { ref, task: accepted } = await scene.accept();
      const claim = await scene.claim(ref);
      const claimed = claim.record.task;
      await scene.append(claim, "a");
      await scene.finish(claim, completed(), { afterSequence: 3 });
      expect(accepted).toMatchObject({ state: TaskState.QUEUED, lastSequence: 1, attempts: [] });
      expect(claimed).toMatchObject({ state: TaskState.RUNNING, lastSequence: 2 });
      expect(claimed?.attempts).toMatchObject([{ outcome: AttemptOutcome.UNSPECIFIED }]);
    });
  });
}
