import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ApiKeyRecordSchema } from "../../../gen/agentlane/store/v1/record_pb.js";
import { AccessRole } from "../../../gen/agentlane/v1/admin_service_pb.js";
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { CLOSED_FOR_MS, type ClearedTenant } from "../../../src/store/tenant-contract.ts";
import {
  executionContext,
  QUEUE,
  type SubmissionOverrides,
  TENANT,
  userMessage,
} from "../../harness/builders.ts";
import { completed, type Scene } from "./scene.ts";

/** In everything that the tenant or the session to be deleted has. */
const CANARY = "canary-4711";
const DOOMED = `${CANARY}-tenant`;
const REFUSED = { kind: "failed_precondition", reason: "TENANT_DELETED", retryable: false };
const LIMITS = { window: 1, maxRunningTasks: 100, maxQueuedTasks: 1000, maxStoredBytes: 1e9 };
const KEY_LIMITS = { maxCount: 100, forgetBeforeMs: 0 };

/** Deleting a session and a tenant leaves nothing of it anywhere, and what others have untouched. */
export function deletionCases(scene: Scene): void {
  /** Tasks in every state, with a context and what else a session has. */
  async function populate(tenant: string, mark: string, more: SubmissionOverrides = {}) {
    const accept = (task: SubmissionOverrides["task"] = {}) =>
      scene.accept({
        tenant,
        request: { messages: [userMessage(mark)] },
        traceHeaders: { traceparent: mark },
        ...more,
        task: { sessionId: `${mark}-s`, metadata: { note: mark }, ...task },
      });
    const metadata = { note: mark };
    await scene.commit(await scene.claim((await accept({ idempotencyKey: `${mark}-k` })).ref), {
      metadata,
    });
    await scene.fail(await scene.claim((await accept()).ref), mark);
    await scene.cancel((await accept()).ref, undefined, mark);
    const running = await scene.claim((await accept()).ref);
    await scene.append(running, mark, mark);
    for (let index = 0; index < 3; index++) await accept();
    return running;
  }

  /** The same in three sessions and none, with a key, some of it counted and held. */
  async function populateTenant(tenant: string, mark: string) {
    const running = await populate(tenant, mark);
    await populate(tenant, `${mark}-2`, { limits: LIMITS });
    const failed = await scene.acceptIn(`${mark}-3`, { tenant });
    await scene.fail(await scene.claim(failed.ref), mark);
    const stateless = { tenant, request: { messages: [userMessage(mark)] } };
    for (let index = 0; index < 3; index++) await scene.accept({ ...stateless, limits: LIMITS });
    const waiting = await scene.run({ ...stateless, deadlineInMs: scene.ms(2000) });
    await scene.retry(waiting, 1000);
    await scene.finish(await scene.run(stateless), completed(mark));
    await scene.store.credentials.add(keyOf(tenant, mark), KEY_LIMITS);
    return running;
  }

  async function clearAll(tenant: string, limit: number): Promise<ClearedTenant[]> {
    const steps: ClearedTenant[] = [];
    do steps.push(await scene.store.tenants.clear(tenant, limit));
    while (!steps.at(-1)?.isDone);
    return steps;
  }

  const figures = async () => {
    const { readyCount, waitingCount, retryWaitCount, runningCount, deadLetterCount } =
      await scene.store.log.figures(QUEUE);
    return { readyCount, waitingCount, retryWaitCount, runningCount, deadLetterCount };
  };

  describe("a destroyed session", () => {
    it("is nowhere any more, and all else is as it was", async () => {
      await populate(TENANT, "kept");
      const before = [await scene.dump(), await figures()];
      await populate(TENANT, CANARY);
      expect((await scene.dump()).some((line) => line.includes(CANARY))).toBe(true);
      await scene.store.sessions.destroy(scene.session(`${CANARY}-s`));
      expect([await scene.dump(), await figures()]).toEqual(before);
    });
  });

  describe("a deleted tenant", () => {
    it("is nowhere any more, and all else is as it was", async () => {
      await populateTenant(TENANT, "kept");
      const usage = await scene.store.tenants.usage(TENANT);
      const before = [await scene.dump(), await figures()];
      await populateTenant(DOOMED, CANARY);
      await scene.store.tenants.close(DOOMED);
      expect(await scene.store.credentials.forget(DOOMED)).toEqual([`key-${CANARY}`]);
      const steps = await clearAll(DOOMED, 1000);
      await scene.pass(CLOSED_FOR_MS / scene.ms(1) + 1);
      await scene.sweep({ unpublishedAfterMs: CLOSED_FOR_MS * 10 });
      expect([await scene.dump(), await figures()]).toEqual(before);
      const sum = (of: (step: ClearedTenant) => number) =>
        steps.reduce((total, step) => total + of(step), 0);
      expect(sum(({ taskCount }) => taskCount)).toBe(20);
      expect(sum(({ canceledCount }) => canceledCount)).toBe(12);
      expect(sum(({ sessionCount }) => sessionCount)).toBe(2);
      expect(await scene.store.tenants.usage(TENANT)).toEqual(usage);
      expect((await scene.store.tenants.usage(DOOMED)).storedBytes).toBe(0);
    });

    it("goes in steps of a task too, from wherever another one has ended", async () => {
      await populateTenant(TENANT, "kept");
      const before = [await scene.dump(), await figures()];
      await populateTenant(DOOMED, CANARY);
      await scene.store.tenants.close(DOOMED);
      await scene.store.tenants.clear(DOOMED, 5);
      await scene.store.tenants.close(DOOMED);
      await scene.store.credentials.forget(DOOMED);
      const steps = await clearAll(DOOMED, 1);
      for (const { taskCount, sessionCount } of steps) {
        expect(taskCount + sessionCount).toBeLessThanOrEqual(1);
      }
      await scene.pass(CLOSED_FOR_MS / scene.ms(1) + 1);
      await scene.sweep({ unpublishedAfterMs: CLOSED_FOR_MS * 10 });
      expect([await scene.dump(), await figures()]).toEqual(before);
    });

    it("takes nothing from the late writes of its workers", async () => {
      const running = await populateTenant(DOOMED, CANARY);
      await scene.store.tenants.close(DOOMED);
      await scene.store.credentials.forget(DOOMED);
      const [{ effects } = { effects: undefined }] = await clearAll(DOOMED, 1000);
      expect(effects?.notices.some(({ kind }) => kind.case === "cancelRequested")).toBe(true);
      const lost = { kind: "lease_lost" };
      const session = executionContext({ sessionId: `${CANARY}-s`, version: 2n });
      await expect(scene.complete(running, session)).rejects.toMatchObject(lost);
      await expect(scene.store.tasks.append(running.lease, 4, [])).rejects.toMatchObject(lost);
      expect(await scene.store.tasks.renew([running.lease], 1000)).toEqual([{ valid: false }]);
      await expect(scene.get(running.lease)).rejects.toMatchObject({ kind: "not_found" });
      await scene.sweep();
      expect((await scene.dump()).filter((line) => line.includes(CANARY))).toHaveLength(1);
    });

    it("takes nothing new until it is over, and begins anew then", async () => {
      const known = { tenant: DOOMED, task: { idempotencyKey: "k" } };
      await scene.accept(known);
      await scene.store.tenants.close(DOOMED);
      const refused = async (): Promise<void> => {
        const { tenants, sessions, credentials } = scene.store;
        await expect(scene.accept(known)).rejects.toMatchObject(REFUSED);
        await expect(
          scene.acceptIn("s1", { tenant: DOOMED, limits: LIMITS }),
        ).rejects.toMatchObject(REFUSED);
        const imported = sessions.import(scene.session("s1", DOOMED), executionContext(), true);
        await expect(imported).rejects.toMatchObject(REFUSED);
        const added = credentials.add(keyOf(DOOMED, "late"), KEY_LIMITS);
        await expect(added).rejects.toMatchObject(REFUSED);
        await tenants.schedule(DOOMED, LIMITS, 10);
      };
      await refused();
      await scene.accept();
      await scene.pass(CLOSED_FOR_MS / scene.ms(1) + 1);
      await refused();
      await clearAll(DOOMED, 1000);
      await refused();
      expect((await scene.dump()).filter((line) => line.includes(CANARY))).toHaveLength(1);
      await scene.pass(CLOSED_FOR_MS / scene.ms(1) + 1);
      const { existing, task } = await scene.accept(known);
      expect([existing, task.state]).toEqual([false, TaskState.QUEUED]);
    });

    it("may have been nobody", async () => {
      await scene.store.tenants.close("nobody");
      expect(await scene.store.credentials.forget("nobody")).toEqual([]);
      expect(await scene.store.tenants.clear("nobody", 10)).toMatchObject({
        isDone: true,
        taskCount: 0,
        canceledCount: 0,
        sessionCount: 0,
      });
    });
  });
}

function keyOf(tenant: string, mark: string) {
  return create(ApiKeyRecordSchema, {
    key: { keyId: `key-${mark}`, name: mark, tenant, roles: [AccessRole.SUBMIT] },
    secretHash: new TextEncoder().encode(mark),
  });
}
