/** What breaks if X happens between Y and Z? */
import { describe, expect, it } from "vitest";
import { MultitaskStrategy, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { Claim } from "../../../src/store/contract.ts";
import { executionContext, QUEUE, TENANT } from "../../harness/builders.ts";
import { canceled, completed, retried, type Scene } from "./scene.ts";

export function raceCases(scene: Scene): void {
  const terminal = [
    TaskState.COMPLETED,
    TaskState.INPUT_REQUIRED,
    TaskState.FAILED,
    TaskState.CANCELED,
  ];

  async function expectDense(claim: Claim): Promise<void> {
    const entries = await scene.entries(claim.lease);
    expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, index) => index + 1));
    const ends = (await scene.history(claim.lease)).filter((state) => terminal.includes(state));
    expect(ends.length).toBeLessThanOrEqual(1);
  }

  describe("between two steps", () => {
    it("a cancel between claim and finish leaves the ending to the worker", async () => {
      const claim = await scene.run();
      await scene.cancel(claim.lease);
      await scene.finish(claim, canceled());
      expect(await scene.state(claim.lease)).toBe(TaskState.CANCELED);
      await expectDense(claim);
    });

    it("a destroy between claim and finish loses the commit, not the new session", async () => {
      const claim = await scene.claim((await scene.acceptIn("s1")).ref);
      await scene.store.sessions.destroy(scene.session());
      const fresh = await scene.claim((await scene.acceptIn("s1")).ref, "w2");
      await expect(scene.complete(claim, executionContext())).rejects.toMatchObject({
        kind: "lease_lost",
      });
      await scene.commit(fresh);
      const stored = await scene.store.sessions.load(scene.session());
      expect(stored?.context.version).toBe(1n);
    });

    it("an import between destroy and the next turn sets the version to go on from", async () => {
      const claim = await scene.claim((await scene.acceptIn("s1")).ref);
      await scene.commit(claim);
      await scene.store.sessions.destroy(scene.session());
      const imported = executionContext({ version: 5n });
      await scene.store.sessions.import(scene.session(), imported, false);
      const next = await scene.claim((await scene.acceptIn("s1")).ref);
      await expect(scene.complete(next, executionContext({ version: 1n }))).rejects.toMatchObject({
        kind: "internal",
      });
      await scene.complete(next, executionContext({ version: 6n }));
    });

    it("an interrupt between two tasks of a lane cancels both and runs last", async () => {
      const [first, second, third] = await scene.lane();
      const claim = await scene.claim(first);
      const { INTERRUPT, ROLLBACK } = MultitaskStrategy;
      const { ref: fourth } = await scene.acceptIn("s1", { strategy: INTERRUPT });
      const { ref: fifth } = await scene.acceptIn("s1", { strategy: ROLLBACK });
      await scene.finish(claim, canceled());
      for (const ref of [first, second, third, fourth]) {
        expect(await scene.state(ref)).toBe(TaskState.CANCELED);
      }
      expect(await scene.ready()).toEqual([fifth.taskId]);
    });

    it("a doorbell that rings twice starts one attempt", async () => {
      const { ref } = await scene.accept();
      await scene.pass(1);
      await scene.sweep({ unpublishedAfterMs: 0 });
      const claim = await scene.claim(ref);
      expect(await scene.tryClaim(ref, "w2")).toBeUndefined();
      await scene.complete(claim);
      expect(await scene.tryClaim(ref, "w2")).toBeUndefined();
    });

    it("a late confirmation does not silence the doorbell of the next queued period for good", async () => {
      const { ref } = await scene.accept();
      await scene.release(await scene.claim(ref));
      await scene.store.tasks.markPublished([ref]);
      const ready = await scene.store.tasks.ready(QUEUE, "", 10);
      expect(ready.map(({ taskId }) => taskId)).toEqual([ref.taskId]);
    });

    it("a redrive between two tasks of its lane keeps one running at a time", async () => {
      const [first, second, third] = await scene.lane();
      await scene.fail(await scene.claim(first));
      const claim = await scene.claim(second);
      await scene.store.deadLetters.redrive(TENANT, [first.taskId]);
      expect(await scene.ready()).toEqual([]);
      await scene.complete(claim);
      await scene.complete(await scene.claim(third));
      await scene.complete(await scene.claim(first));
    });

    it("a purge between failure and redrive leaves nothing to redrive", async () => {
      const claim = await scene.run();
      await scene.fail(claim);
      await scene.store.deadLetters.purge(TENANT, {});
      const { skipped } = await scene.store.deadLetters.redrive(TENANT, [claim.lease.taskId]);
      expect(skipped).toEqual([claim.lease.taskId]);
    });
  });

  describe("at the same time", () => {
    it("finish, cancel, expiry and destroy leave one end and a dense log", async () => {
      for (let round = 0; round < 15; round++) {
        const claim = await scene.claim((await scene.acceptIn(`s${round}`)).ref);
        await scene.outliveLeases();
        const expiry = { ...retried(), leaseExpired: true };
        await Promise.allSettled([
          scene.finish(claim, completed()),
          scene.cancel(claim.lease),
          scene.finish(claim, expiry, { ifExpired: true }),
          ...(round % 3 === 0 ? [scene.store.sessions.destroy(scene.session(`s${round}`))] : []),
        ]);
        if (round % 3 === 0) await expect(scene.get(claim.lease)).rejects.toThrow();
        else await expectDense(claim);
      }
    });

    it("accepts of one session line up without a gap", async () => {
      const accepted = await Promise.all(Array.from({ length: 40 }, () => scene.acceptIn("s1")));
      const lane = await scene.store.sessions.lane(scene.session());
      expect([...lane].sort()).toEqual(accepted.map(({ ref }) => ref.taskId).sort());
      expect(await scene.ready()).toEqual(lane.slice(0, 1));
    });

    it("accepts never exceed the queue's limit", async () => {
      const accepts = Array.from({ length: 40 }, () => scene.accept({ maxQueueSize: 10 }));
      const results = await Promise.allSettled(accepts);
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
      expect(await scene.ready()).toHaveLength(10);
    });

    it("a REJECT lets one of many in", async () => {
      const strategy = MultitaskStrategy.REJECT;
      const accepts = Array.from({ length: 20 }, () => scene.acceptIn("s1", { strategy }));
      const results = await Promise.allSettled(accepts);
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    });

    it("sweeps of several processes make each task ready once", async () => {
      for (let index = 0; index < 10; index++) await scene.retry(await scene.run());
      const sweeps = await Promise.all([scene.sweep(), scene.sweep(), scene.sweep()]);
      const swept = sweeps.reduce((sum, { sweptCount }) => sum + sweptCount, 0);
      expect(swept).toBe(10);
      expect(await scene.ready()).toHaveLength(10);
    });
  });

  describe("over a long life", () => {
    it("every accepted task ends once, whatever its workers do", async () => {
      const refs = [];
      for (let index = 0; index < 60; index++) {
        refs.push((await scene.acceptIn(`s${index % 7}`)).ref);
      }
      let step = 0;
      for (let ready = await scene.ready(); ready.length > 0; ready = await scene.ready()) {
        for (const taskId of ready) {
          const claim = await scene.claim({ tenant: TENANT, taskId });
          step++;
          if (step % 5 === 0) await scene.release(claim);
          else if (step % 7 === 0) await scene.retry(claim);
          else if (step % 11 === 0) await scene.fail(claim);
          else if (step % 13 === 0) {
            await scene.cancel(claim.lease);
            await scene.retry(claim);
          } else await scene.commit(claim);
        }
        await scene.sweep();
      }
      for (const ref of refs) expect(terminal).toContain(await scene.state(ref));
      expect(await scene.store.log.figures(QUEUE)).toMatchObject({
        readyCount: 0,
        waitingCount: 0,
        retryWaitCount: 0,
        runningCount: 0,
      });
      const failed = await scene.store.log.list(
        TENANT,
        { states: [TaskState.FAILED] },
        { size: 100, token: "" },
      );
      expect((await scene.deadLetters()).sort()).toEqual(
        failed.items.map(({ taskId }) => taskId).sort(),
      );
    });
  });
}
