import { describe, expect, it } from "vitest";
import { Priority, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { TaskRef } from "../../../src/store/contract.ts";
import { HELD_AGEING_MS } from "../../../src/store/held-order.ts";
import type { TenantLimits } from "../../../src/store/tenant-contract.ts";
import { QUEUE, type SubmissionOverrides, TENANT } from "../../harness/builders.ts";
import type { Scene } from "./scene.ts";

/** Which ready tasks of a tenant ring, and when the others do. */
export function tenantCases(scene: Scene): void {
  const limits: TenantLimits = { window: 2 };

  async function accept(count: number, overrides: SubmissionOverrides = {}): Promise<TaskRef[]> {
    const refs: TaskRef[] = [];
    for (let index = 0; index < count; index++) {
      refs.push((await scene.accept({ limits, ...overrides })).ref);
    }
    return refs;
  }

  const ids = (refs: readonly (TaskRef | undefined)[]) => refs.map((ref) => ref?.taskId);
  const of = (priority: Priority): SubmissionOverrides => ({ task: { priority } });
  const usage = (tenant = TENANT) => scene.store.tenants.usage(tenant);

  describe("a tenant's window", () => {
    it("lets as many ready tasks ring, and holds the others", async () => {
      const refs = await accept(3);
      expect(await scene.ready()).toEqual(ids(refs.slice(0, 2)));
      expect(await scene.store.log.figures(QUEUE)).toMatchObject({
        readyCount: 2,
        waitingCount: 1,
      });
      expect(await usage()).toMatchObject({ queuedCount: 3, heldCount: 1, runningCount: 0 });
      expect(await scene.state({ ...refs[2], tenant: TENANT, taskId: refs[2]?.taskId ?? "" })).toBe(
        TaskState.QUEUED,
      );
    });

    it("answers no doorbell for a held task", async () => {
      await accept(2);
      scene.expectRung((await scene.accept({ limits })).effects);
    });

    it("does not let a held task be claimed", async () => {
      const [, , held] = await accept(3);
      if (held) expect(await scene.tryClaim(held)).toBeUndefined();
      expect(await usage()).toMatchObject({ queuedCount: 3, heldCount: 1 });
    });

    it("lets the next one ring with a claim", async () => {
      const [first, second, third] = await accept(3);
      if (!first || !third) throw new Error("no tasks");
      const { effects } = await scene.claimAs(first, "w1", "c1");
      scene.expectRung(effects, third);
      expect(await scene.ready()).toEqual(ids([second, third]));
      expect(await usage()).toMatchObject({ queuedCount: 2, heldCount: 0, runningCount: 1 });
    });

    it("lets the next one ring when a rung one is canceled", async () => {
      const [first, second, third] = await accept(3);
      if (!first || !third) throw new Error("no tasks");
      scene.expectRung((await scene.cancel(first)).effects, third);
      expect(await scene.ready()).toEqual(ids([second, third]));
    });

    it("lets the next one ring when a rung one passes its deadline", async () => {
      const [, third] = [await accept(2, { deadlineInMs: scene.ms(5) }), (await accept(1))[0]];
      await scene.pass(6);
      await scene.sweep();
      expect(await scene.ready()).toEqual(ids([third]));
    });

    it("forgets a held task that is canceled", async () => {
      const [first, , held] = await accept(3);
      if (!first || !held) throw new Error("no tasks");
      scene.expectRung((await scene.cancel(held)).effects);
      scene.expectRung((await scene.claimAs(first, "w1", "c1")).effects);
      expect(await usage()).toMatchObject({ queuedCount: 1, heldCount: 0, runningCount: 1 });
    });

    it("is a queue's own", async () => {
      await accept(3);
      const [other] = await accept(1, { task: { queue: "gpu" } });
      expect(await scene.ready("gpu")).toEqual(ids([other]));
    });

    it("is a tenant's own", async () => {
      await accept(3);
      const [other] = await accept(1, { tenant: "other" });
      expect((await scene.ready()).includes(other?.taskId ?? "")).toBe(true);
      expect(await usage("other")).toMatchObject({ queuedCount: 1, heldCount: 0 });
    });

    it("holds no task that was accepted without limits, and counts none", async () => {
      await accept(3);
      const { ref } = await scene.accept();
      expect(await scene.ready()).toContain(ref.taskId);
      expect(await usage()).toMatchObject({ queuedCount: 3, heldCount: 1 });
      await scene.complete(await scene.claim(ref));
      expect(await usage()).toMatchObject({ queuedCount: 3, heldCount: 1, runningCount: 0 });
    });

    it("is first in first out inside a priority", async () => {
      const refs = await accept(6);
      for (const [index, ref] of refs.entries()) {
        expect(await scene.ready()).toEqual(ids(refs.slice(index, index + 2)));
        await scene.complete(await scene.claim(ref));
      }
      expect(await usage()).toMatchObject({ queuedCount: 0, runningCount: 0, heldCount: 0 });
    });

    it("gives a place to the highest priority that is held", async () => {
      const [first] = await accept(2);
      const [low] = await accept(1, of(Priority.LOW));
      const [urgent] = await accept(1, of(Priority.URGENT));
      if (!first || !urgent || !low) throw new Error("no tasks");
      scene.expectRung((await scene.claimAs(first, "w1", "c1")).effects, urgent);
      expect(await scene.ready()).not.toContain(low.taskId);
    });

    it("gives every other place to what has waited for long", async () => {
      const ahead = await accept(2);
      const [low] = await accept(1, of(Priority.LOW));
      await scene.pass(Math.ceil((3 * HELD_AGEING_MS) / scene.ms(1)) + 1);
      const urgent = await accept(2, of(Priority.URGENT));
      for (const ref of ahead) await scene.claim(ref);
      expect((await scene.ready()).sort()).toEqual(ids([low, urgent[0]]).sort());
    });

    it("rings at NORMAL, since between tenants weight decides", async () => {
      const [ref] = await accept(1, of(Priority.URGENT));
      const [doorbell] = await scene.store.tasks.ready(QUEUE, "", 10);
      expect(doorbell).toMatchObject({ ...ref, priority: Priority.NORMAL });
      if (ref) expect((await scene.get(ref)).priority).toBe(Priority.URGENT);
    });

    it("takes a session's next task when the one before it has ended", async () => {
      const first = await scene.acceptIn("s1", { limits });
      const second = await scene.acceptIn("s1", { limits });
      const [third] = await accept(1);
      expect(await scene.ready()).toEqual(ids([first.ref, third]));
      await scene.complete(await scene.claim(first.ref));
      expect((await scene.ready()).sort()).toEqual(ids([second.ref, third]).sort());
    });

    it("takes a session's next task to the end of the tenant's line", async () => {
      const first = await scene.acceptIn("s1", { limits });
      const second = await scene.acceptIn("s1", { limits });
      const [, held] = await accept(2);
      await scene.complete(await scene.claim(first.ref));
      expect(await scene.ready()).toContain(held?.taskId);
      expect(await scene.ready()).not.toContain(second.ref.taskId);
    });

    it("takes what is handed back, retried and redriven like what is new", async () => {
      const claims = [];
      for (const ref of await accept(3)) claims.push(await scene.claim(ref));
      const [released, retried, failed] = claims;
      if (!released || !retried || !failed) throw new Error("no claims");
      await accept(2);
      await scene.release(released);
      await scene.retry(retried);
      await scene.pass(1);
      await scene.sweep();
      await scene.fail(failed);
      await scene.store.deadLetters.redrive(TENANT, [failed.lease.taskId]);
      expect(await scene.ready()).toHaveLength(2);
      expect(await usage()).toMatchObject({ queuedCount: 5, heldCount: 3, runningCount: 0 });
    });

    it("is left by what a destroyed session had", async () => {
      await scene.acceptIn("s1", { limits });
      await scene.acceptIn("s1", { limits });
      const [, held] = await accept(2);
      await scene.store.sessions.destroy(scene.session());
      expect(await scene.ready()).toContain(held?.taskId);
      expect(await usage()).toMatchObject({ queuedCount: 2, heldCount: 0, runningCount: 0 });
    });

    it("forgets a held task whose session is destroyed", async () => {
      await accept(2);
      await scene.acceptIn("s1", { limits });
      expect(await usage()).toMatchObject({ queuedCount: 3, heldCount: 1 });
      await scene.store.sessions.destroy(scene.session());
      expect(await usage()).toMatchObject({ queuedCount: 2, heldCount: 0 });
      expect(await scene.store.tenants.holding("", 10)).toEqual([]);
    });

    it("rings once more for a held task that rang and that nobody confirmed", async () => {
      const [first, second, third] = await accept(3);
      if (!first || !second || !third) throw new Error("no tasks");
      await scene.store.tasks.markPublished([first, second]);
      await scene.claim(first);
      await scene.pass(5);
      scene.expectRung((await scene.sweep({ unpublishedAfterMs: scene.ms(5) })).effects, third);
    });

    it("is never exceeded, and no task stranded, when many come and go at once", async () => {
      const refs = await Promise.all(
        Array.from({ length: 30 }, async (_, index) => {
          return (await scene.acceptIn(`s${index % 10}`, { limits })).ref;
        }),
      );
      let doneCount = 0;
      while (doneCount < refs.length) {
        const ready = await scene.ready();
        expect(ready.length).toBeGreaterThan(0);
        expect(ready.length).toBeLessThanOrEqual(2);
        const claims = await Promise.all(
          ready.map((taskId) => scene.tryClaim({ tenant: TENANT, taskId })),
        );
        const held = claims.flatMap((claim) => (claim ? [claim] : []));
        await Promise.all(held.map((claim) => scene.complete(claim)));
        doneCount += held.length;
      }
      expect(await usage()).toMatchObject({ queuedCount: 0, runningCount: 0, heldCount: 0 });
    });
  });

  describe("a tenant's running tasks", () => {
    const running: TenantLimits = { window: 4, maxRunningTasks: 2 };

    it("ring no more than may run", async () => {
      const refs = await accept(3, { limits: running });
      expect(await scene.ready()).toEqual(ids(refs.slice(0, 2)));
      const claims = [];
      for (const ref of refs.slice(0, 2)) claims.push(await scene.claim(ref));
      expect(await scene.ready()).toEqual([]);
      const [first] = claims;
      if (first) await scene.complete(first);
      expect(await scene.ready()).toEqual(ids([refs[2]]));
    });

    it("are no more than the limit, whichever queues they are of", async () => {
      const here = await accept(2, { limits: running });
      const there = await accept(2, { limits: running, task: { queue: "gpu" } });
      const claims = await Promise.all([...here, ...there].map((ref) => scene.tryClaim(ref)));
      const got = claims.flatMap((claim) => (claim ? [claim] : []));
      expect(got).toHaveLength(2);
      expect(await usage()).toMatchObject({ queuedCount: 2, runningCount: 2, heldCount: 2 });
      expect([...(await scene.ready()), ...(await scene.ready("gpu"))]).toEqual([]);
      for (const claim of got) await scene.complete(claim);
      expect([...(await scene.ready()), ...(await scene.ready("gpu"))]).toHaveLength(2);
    });

    it.each([
      ["handed back", (claim: Awaited<ReturnType<Scene["claim"]>>) => scene.release(claim)],
      ["retried", (claim: Awaited<ReturnType<Scene["claim"]>>) => scene.retry(claim, 100)],
      ["failed", (claim: Awaited<ReturnType<Scene["claim"]>>) => scene.fail(claim)],
    ])("make place when one is %s", async (_, end) => {
      const only: TenantLimits = { window: 4, maxRunningTasks: 1 };
      const [first, second] = await accept(2, { limits: only });
      if (!first) throw new Error("no task");
      const claim = await scene.claim(first);
      await scene.pass(1);
      await end(claim);
      expect(await scene.ready()).toEqual(ids([second]));
    });

    it("make place when a lease has ended", async () => {
      const only: TenantLimits = { window: 4, maxRunningTasks: 1 };
      const [first, second] = await accept(2, { limits: only });
      if (!first) throw new Error("no task");
      const claim = await scene.claim(first);
      await scene.outliveLeases();
      await scene.finish(claim, failedLease(), { ifExpired: true });
      expect(await scene.ready()).toEqual(ids([second]));
    });
  });

  describe("limits that change", () => {
    it("apply with the tenant's next accept", async () => {
      await accept(4);
      await accept(1, { limits: { window: 4 } });
      expect(await scene.ready()).toHaveLength(4);
    });

    it("apply when they are scheduled, a bounded number of tasks at a time", async () => {
      await accept(6);
      expect(await scene.store.tenants.holding("", 10)).toEqual([TENANT]);
      const raised = { window: 10 };
      await scene.store.tenants.schedule(TENANT, raised, 3);
      expect(await scene.ready()).toHaveLength(5);
      await scene.store.tenants.schedule(TENANT, raised, 3);
      expect(await scene.ready()).toHaveLength(6);
      expect(await scene.store.tenants.holding("", 10)).toEqual([]);
    });

    it("hold nobody's running task", async () => {
      const [first] = await accept(3, { limits: { window: 3 } });
      if (!first) throw new Error("no task");
      const claim = await scene.claim(first);
      await scene.store.tenants.schedule(TENANT, { window: 3, maxRunningTasks: 1 }, 10);
      const [rung] = await scene.ready();
      expect(await scene.tryClaim({ tenant: TENANT, taskId: rung ?? "" })).toBeUndefined();
      expect(await usage()).toMatchObject({ runningCount: 1, heldCount: 1 });
      await scene.complete(claim);
      expect(await usage()).toMatchObject({ runningCount: 0, queuedCount: 2 });
      expect(await scene.ready()).not.toEqual([]);
    });

    it("name the tenants that hold tasks in pages", async () => {
      for (const tenant of ["c", "a", "b"]) await accept(3, { tenant });
      expect(await scene.store.tenants.holding("", 2)).toEqual(["a", "b"]);
      expect(await scene.store.tenants.holding("b", 2)).toEqual(["c"]);
    });
  });
}

function failedLease() {
  return {
    state: TaskState.FAILED as const,
    error: {
      $typeName: "agentlane.v1.TaskError" as const,
      code: 14,
      reason: "LEASE_EXPIRED",
      message: "the worker is gone",
      retryable: true,
      causes: [],
      fieldViolations: {},
    },
    leaseExpired: true,
  };
}
