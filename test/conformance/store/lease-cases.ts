import { describe, expect, it } from "vitest";
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import { AttemptOutcome, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { newTaskId, taskError } from "../../harness/builders.ts";
import { retried, type Scene } from "./scene.ts";

export function leaseCases(scene: Scene): void {
  describe("renewal", () => {
    it("keeps a lease from expiring", async () => {
      const claim = await scene.run();
      await scene.pass(6);
      expect(await scene.store.tasks.renew([claim.lease], scene.leaseMs * 100)).toEqual([
        { valid: true },
      ]);
      await scene.outliveLeases();
      expect(await scene.store.tasks.expired(10)).toEqual([]);
    });

    it("answers each lease in order", async () => {
      const valid = await scene.run();
      const ended = await scene.run();
      await scene.complete(ended);
      const unknown = { ...valid.lease, taskId: newTaskId() };
      const statuses = await scene.store.tasks.renew(
        [ended.lease, valid.lease, unknown],
        scene.leaseMs,
      );
      expect(statuses.map((status) => status.valid)).toEqual([false, true, false]);
    });

    it("tells of a requested cancel", async () => {
      const { lease } = await scene.run();
      await scene.cancel(lease, CancelMode.KEEP, "enough");
      expect(await scene.store.tasks.renew([lease], scene.leaseMs)).toEqual([
        { valid: true, cancel: { mode: CancelMode.KEEP, reason: "enough" } },
      ]);
    });

    it("revives a lease that has ended but that nobody has acted upon", async () => {
      const claim = await scene.run();
      await scene.outliveLeases();
      expect(await scene.store.tasks.renew([claim.lease], scene.leaseMs * 100)).toEqual([
        { valid: true },
      ]);
      expect(await scene.store.tasks.expired(10)).toEqual([]);
      await scene.complete(claim);
    });

    it("takes no lease at all", async () => {
      expect(await scene.store.tasks.renew([], scene.leaseMs)).toEqual([]);
    });
  });

  describe("expired leases", () => {
    const expiredEnding = {
      ...retried(0),
      error: taskError({ reason: "LEASE_EXPIRED" }),
      leaseExpired: true,
    };

    it("are listed oldest first, with what is needed to end them", async () => {
      const first = await scene.run();
      await scene.pass(2);
      const second = await scene.run();
      expect(await scene.store.tasks.expired(10)).toEqual([]);
      await scene.outliveLeases();
      await scene.run();
      const expired = await scene.store.tasks.expired(10);
      expect(expired.map(({ lease }) => lease)).toEqual([first.lease, second.lease]);
      expect(expired[0]?.record.task).toEqual(await scene.get(first.lease));
      expect(await scene.store.tasks.expired(1)).toHaveLength(1);
    });

    it("are ended by whoever finds them, which consumes the attempt", async () => {
      const claim = await scene.run();
      await scene.append(claim, "a");
      await scene.outliveLeases();
      const { task } = await scene.finish(claim, expiredEnding, {
        ifExpired: true,
        afterSequence: 0,
      });
      expect(task).toMatchObject({
        state: TaskState.RETRY_WAIT,
        consumedAttempts: 1,
        attempts: [{ outcome: AttemptOutcome.LEASE_EXPIRED, error: { reason: "LEASE_EXPIRED" } }],
      });
      expect(await scene.store.tasks.expired(10)).toEqual([]);
      await expect(scene.complete(claim)).rejects.toMatchObject({ kind: "lease_lost" });
    });

    it("are not ended before their time", async () => {
      const claim = await scene.run();
      const early = scene.finish(claim, expiredEnding, { ifExpired: true });
      await expect(early).rejects.toMatchObject({ kind: "lease_lost" });
      await scene.complete(claim);
    });

    it("are not ended when they were renewed between being listed and being ended", async () => {
      const claim = await scene.run();
      await scene.outliveLeases();
      const [expired] = await scene.store.tasks.expired(10);
      await scene.store.tasks.renew([claim.lease], scene.leaseMs * 100);
      const late = scene.finish({ ...claim, ...expired }, expiredEnding, { ifExpired: true });
      await expect(late).rejects.toMatchObject({ kind: "lease_lost" });
      await scene.complete(claim);
    });

    it("are ended once when two sweepers find them", async () => {
      const claim = await scene.run();
      await scene.outliveLeases();
      await Promise.allSettled(
        [1, 2].map(() => scene.finish(claim, expiredEnding, { ifExpired: true })),
      );
      expect(await scene.get(claim.lease)).toMatchObject({ consumedAttempts: 1, lastSequence: 3 });
    });

    it("do not let the old holder take its end for its own", async () => {
      const claim = await scene.run();
      await scene.outliveLeases();
      await scene.finish(claim, expiredEnding, { ifExpired: true });
      await expect(scene.retry(claim)).rejects.toMatchObject({ kind: "lease_lost" });
      await expect(scene.append(claim, "late")).rejects.toMatchObject({ kind: "lease_lost" });
    });
  });
}
