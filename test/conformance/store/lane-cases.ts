import { describe, expect, it } from "vitest";
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import { MultitaskStrategy, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { TaskRef } from "../../../src/store/contract.ts";
import { QUEUE } from "../../harness/builders.ts";
import { announced, canceled, completed, failed, interrupted, type Scene } from "./scene.ts";

export function laneCases(scene: Scene): void {
  const ids = (refs: readonly TaskRef[]): string[] => refs.map(({ taskId }) => taskId);

  describe("lanes", () => {
    it("make only their head ready", async () => {
      const refs = await scene.lane();
      expect(await scene.ready()).toEqual(ids(refs).slice(0, 1));
      expect(await scene.store.sessions.lane(scene.session())).toEqual(ids(refs));
      const figures = await scene.store.log.figures(QUEUE);
      expect(figures).toMatchObject({ readyCount: 1, waitingCount: 2 });
    });

    it("refuse the claim of a task behind the head", async () => {
      const [, second] = await scene.lane();
      expect(await scene.tryClaim(second)).toBeUndefined();
    });

    it("are apart by session, agent and tenant", async () => {
      await scene.acceptIn("s1");
      await scene.acceptIn("s2");
      await scene.acceptIn("s1", { task: { agentId: "other" } });
      await scene.acceptIn("s1", { tenant: "other" });
      expect(await scene.ready()).toHaveLength(4);
    });

    it("give every stateless task one of its own", async () => {
      await scene.accept();
      await scene.accept();
      expect(await scene.ready()).toHaveLength(2);
    });

    it("run their tasks in accept order, promoting with every end", async () => {
      const refs = await scene.lane();
      for (const [index, ref] of refs.entries()) {
        const claim = await scene.claim(ref);
        const { effects } = await scene.complete(claim);
        scene.expectRung(effects, ...refs.slice(index + 1, index + 2));
      }
      expect(await scene.ready()).toEqual([]);
      expect(await scene.store.sessions.lane(scene.session())).toEqual([]);
    });

    it.each([
      ["FAILED", failed()],
      ["CANCELED", canceled()],
      ["INPUT_REQUIRED", interrupted()],
    ])("promote when the head ends as %s", async (_, ending) => {
      const [first, second] = await scene.lane();
      const { effects } = await scene.finish(await scene.claim(first), ending);
      scene.expectRung(effects, second);
      expect(await scene.ready()).toEqual([second.taskId]);
    });

    it("keep a retrying task at the head", async () => {
      const refs = await scene.lane();
      const [first] = refs;
      const { effects } = await scene.retry(await scene.claim(first), 20);
      scene.expectRung(effects);
      expect(await scene.ready()).toEqual([]);
      await scene.pass(20);
      scene.expectRung((await scene.sweep()).effects, first);
      expect(await scene.store.sessions.lane(scene.session())).toEqual(ids(refs));
    });

    it("keep a released task at the head and ring for it", async () => {
      const [first] = await scene.lane();
      const { effects } = await scene.release(await scene.claim(first));
      scene.expectRung(effects, first);
      expect(await scene.ready()).toEqual([first.taskId]);
    });

    it("promote when a queued head is canceled", async () => {
      const [first, second] = await scene.lane();
      scene.expectRung((await scene.cancel(first)).effects, second);
    });

    it("close up when a task in the middle is canceled", async () => {
      const [first, second, third] = await scene.lane();
      scene.expectRung((await scene.cancel(second)).effects);
      scene.expectRung((await scene.complete(await scene.claim(first))).effects, third);
    });

    it("prefer the worker that ran the session last", async () => {
      const [first] = await scene.lane();
      await scene.complete(await scene.claim(first, "w7"));
      const [doorbell] = await scene.store.tasks.ready(QUEUE, "", 10);
      expect(doorbell?.preferredWorkerId).toBe("w7");
    });

    it("give the claim to one of many workers", async () => {
      const { ref } = await scene.accept();
      const claims = await Promise.all(
        Array.from({ length: 30 }, (_, index) => scene.tryClaim(ref, `w${index}`)),
      );
      expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
    });

    it("never run two tasks of a session at once, under concurrent work", async () => {
      const refs = (await Promise.all(["s1", "s2", "s3"].map((id) => many(id, 15)))).flat();
      const running = new Map<string, string>();
      const finished: string[] = [];
      const work = async (workerId: string): Promise<void> => {
        while (finished.length < refs.length) {
          const [doorbell] = shuffled(await scene.store.tasks.ready(QUEUE, "", 100), workerId);
          if (!doorbell) {
            await scene.pass(1);
            continue;
          }
          const claim = await scene.tryClaim(doorbell, workerId);
          if (!claim) continue;
          const session = claim.record.task?.sessionId ?? "";
          expect(running.get(session)).toBeUndefined();
          running.set(session, workerId);
          await scene.append(claim, "working");
          running.delete(session);
          finished.push(doorbell.taskId);
          const { lastSequence: afterSequence } = await scene.get(doorbell);
          await scene.finish(claim, completed(), { afterSequence });
        }
      };
      await Promise.all(["a", "b", "c", "d"].map(work));
      for (const session of ["s1", "s2", "s3"]) {
        const order = refs.filter(({ session: of }) => of === session).map(({ taskId }) => taskId);
        expect(finished.filter((taskId) => order.includes(taskId))).toEqual(order);
      }
    });

    async function many(session: string, count: number) {
      const refs: { taskId: string; session: string }[] = [];
      while (refs.length < count) {
        refs.push({ taskId: (await scene.acceptIn(session)).ref.taskId, session });
      }
      return refs;
    }

    /** Another order for each worker, the same in each run. */
    function shuffled<T>(items: T[], seed: string): T[] {
      const turn = (seed.codePointAt(0) ?? 0) % Math.max(1, items.length);
      return [...items.slice(turn), ...items.slice(0, turn)];
    }
  });

  describe("multitask strategies", () => {
    const { REJECT, INTERRUPT, ROLLBACK } = MultitaskStrategy;

    it("REJECT refuses on a busy lane and accepts on an idle one", async () => {
      const { ref } = await scene.acceptIn("s1", { strategy: REJECT });
      await expect(scene.acceptIn("s1", { strategy: REJECT })).rejects.toMatchObject({
        kind: "failed_precondition",
        reason: "SESSION_BUSY",
      });
      await scene.complete(await scene.claim(ref));
      await scene.acceptIn("s1", { strategy: REJECT });
    });

    it.each([
      ["INTERRUPT", INTERRUPT, CancelMode.KEEP],
      ["ROLLBACK", ROLLBACK, CancelMode.DISCARD],
    ] as const)("%s cancels what waits and asks what runs to stop", async (_, strategy, mode) => {
      const [first, second, third] = await scene.lane();
      const running = await scene.claim(first);
      const { ref, effects } = await scene.acceptIn("s1", { strategy });
      expect(await scene.state(second)).toBe(TaskState.CANCELED);
      expect(await scene.state(third)).toBe(TaskState.CANCELED);
      expect(await scene.get(first)).toMatchObject({
        state: TaskState.RUNNING,
        cancelRequestedAt: expect.anything(),
      });
      const cancels = effects.notices.filter(({ kind }) => kind.case === "cancelRequested");
      expect(cancels).toMatchObject([{ taskId: first.taskId, kind: { value: { mode } } }]);
      scene.expectRung(effects);
      scene.expectRung((await scene.finish(running, canceled())).effects, ref);
    });

    it("tells the watchers of every task they cancel", async () => {
      const refs = await scene.lane();
      const { ref, effects } = await scene.acceptIn("s1", { strategy: INTERRUPT });
      scene.expectRung(effects, ref);
      const told = effects.notices.filter(({ kind }) => kind.case === "entries");
      expect(new Set(told.map(({ taskId }) => taskId))).toEqual(
        new Set([...ids(refs), ref.taskId]),
      );
      expect(announced(effects)).toHaveLength(4);
    });

    it("cancel a task that waits for its retry", async () => {
      const { ref: first } = await scene.acceptIn("s1");
      await scene.retry(await scene.claim(first), 1000);
      const { effects, ref } = await scene.acceptIn("s1", { strategy: ROLLBACK });
      expect(await scene.state(first)).toBe(TaskState.CANCELED);
      scene.expectRung(effects, ref);
    });

    it("ROLLBACK turns the KEEP of an earlier INTERRUPT into DISCARD, not the reverse", async () => {
      const { ref: first } = await scene.acceptIn("s1");
      const { lease } = await scene.claim(first);
      const mode = async () =>
        (await scene.store.tasks.renew([lease], scene.leaseMs))[0]?.cancel?.mode;
      await scene.acceptIn("s1", { strategy: INTERRUPT });
      expect(await mode()).toBe(CancelMode.KEEP);
      await scene.acceptIn("s1", { strategy: ROLLBACK });
      expect(await mode()).toBe(CancelMode.DISCARD);
      await scene.acceptIn("s1", { strategy: INTERRUPT });
      expect(await mode()).toBe(CancelMode.DISCARD);
    });

    it("leave other sessions alone", async () => {
      const { ref } = await scene.acceptIn("s2");
      await scene.acceptIn("s1", { strategy: ROLLBACK });
      expect(await scene.state(ref)).toBe(TaskState.QUEUED);
    });
  });
}
