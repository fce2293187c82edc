import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { UsageSchema } from "../../../gen/agentlane/v1/content_pb.js";
import { MultitaskStrategy, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { AgentlaneError } from "../../../src/errors.ts";
import type { Ending } from "../../../src/store/contract.ts";
import type { TenantLimits } from "../../../src/store/tenant-contract.ts";
import {
  executionContext,
  type SubmissionOverrides,
  submission,
  TENANT,
  taskResult,
} from "../../harness/builders.ts";
import { completed, type Scene } from "./scene.ts";

const DAY_MS = 24 * 3600 * 1000;

/** What an accept with limits refuses, and what counts. */
export function quotaCases(scene: Scene): void {
  const window = 100;
  const usage = (tenant = TENANT) => scene.store.tenants.usage(tenant);

  async function refusal(overrides: SubmissionOverrides): Promise<AgentlaneError> {
    try {
      await scene.accept(overrides);
    } catch (error) {
      return error as AgentlaneError;
    }
    throw new Error("it was accepted");
  }

  function used(totalTokens: number): Ending {
    const result = { ...taskResult(), usage: create(UsageSchema, { totalTokens }) };
    return { state: TaskState.COMPLETED, result };
  }

  describe("a tenant's queued tasks", () => {
    const limits: TenantLimits = { window, maxQueuedTasks: 2 };

    it("are limited, with a hint when to try again", async () => {
      await scene.accept({ limits });
      await scene.accept({ limits });
      expect(await refusal({ limits })).toMatchObject({
        kind: "resource_exhausted",
        reason: "TENANT_QUEUED_TASKS",
        retryAfterMs: 1000,
        quota: { tenant: TENANT, description: expect.stringContaining("2 tasks") },
      });
      expect(await usage()).toMatchObject({ queuedCount: 2 });
    });

    it("are not those that run, nor those of others", async () => {
      const { ref } = await scene.accept({ limits });
      await scene.accept({ limits });
      await scene.claim(ref);
      await scene.accept({ limits });
      await scene.accept({ limits, tenant: "other" });
      expect(await usage()).toMatchObject({ queuedCount: 2, runningCount: 1 });
    });

    it("are exactly the limit when many are submitted at once", async () => {
      const submits = Array.from({ length: 20 }, () => scene.accept({ limits }));
      const accepted = (await Promise.allSettled(submits)).filter(
        ({ status }) => status === "fulfilled",
      );
      expect(accepted).toHaveLength(2);
      expect(await usage()).toMatchObject({ queuedCount: 2 });
    });

    it("do not refuse the repeat of an accept", async () => {
      const repeated = submission({ limits: { window, maxQueuedTasks: 1 } });
      await scene.store.tasks.create(repeated);
      await scene.store.tasks.create(repeated);
      expect(await usage()).toMatchObject({ queuedCount: 1 });
    });

    it("leave room for what the submit cancels itself", async () => {
      await scene.acceptIn("s1", { limits });
      await scene.acceptIn("s1", { limits });
      await scene.acceptIn("s1", { limits, strategy: MultitaskStrategy.ROLLBACK });
      expect(await usage()).toMatchObject({ queuedCount: 1 });
    });
  });

  describe("a tenant's sessions", () => {
    const limits: TenantLimits = { window, maxLiveSessions: 1 };

    async function turn(sessionId: string): Promise<void> {
      await scene.commit(await scene.claim((await scene.acceptIn(sessionId, { limits })).ref));
    }

    it("are limited once they have a committed turn", async () => {
      await turn("s1");
      expect(await refusal({ limits, task: { sessionId: "s2" } })).toMatchObject({
        reason: "TENANT_LIVE_SESSIONS",
        retryable: false,
      });
      await turn("s1");
      expect(await usage()).toMatchObject({ sessionCount: 1 });
    });

    it("are not the stateless tasks", async () => {
      await turn("s1");
      await scene.accept({ limits });
    });

    it("make place when one is destroyed", async () => {
      await turn("s1");
      await scene.store.sessions.destroy(scene.session());
      await turn("s2");
    });
  });

  describe("a tenant's tokens", () => {
    const limits: TenantLimits = { window, maxTokensPerDay: 100 };

    it("are counted once when an attempt ends, and limited until midnight of UTC", async () => {
      const claim = await scene.run({ limits });
      await scene.finish(claim, used(60));
      await scene.finish(claim, used(60));
      expect(await usage()).toMatchObject({ tokenCount: 60 });
      await scene.finish(await scene.run({ limits }), used(60));
      const refused = await refusal({ limits });
      expect(refused).toMatchObject({ reason: "TENANT_TOKENS_PER_DAY" });
      expect(refused.retryAfterMs).toBeGreaterThan(0);
      expect(refused.retryAfterMs).toBeLessThanOrEqual(DAY_MS);
    });

    it("begin anew the next day", async () => {
      await scene.finish(await scene.run({ limits }), used(100));
      await refusal({ limits });
      await scene.pass(DAY_MS / scene.ms(1));
      expect(await usage()).toMatchObject({ tokenCount: 0 });
      await scene.accept({ limits });
    });

    it("are none of those without a limit", async () => {
      await scene.finish(await scene.run(), used(60));
      expect(await usage()).toMatchObject({ tokenCount: 0 });
    });
  });

  describe("a tenant's stored bytes", () => {
    const limits: TenantLimits = { window, maxStoredBytes: 1000 };
    const roomy: TenantLimits = { window, maxStoredBytes: 100_000 };

    it("are the requests of its tasks, until those are deleted", async () => {
      const claim = await scene.run({ limits, requestBytes: 600 });
      expect(await usage()).toMatchObject({ storedBytes: 600 });
      expect(await refusal({ limits, requestBytes: 401 })).toMatchObject({
        reason: "TENANT_STORED_BYTES",
        retryable: false,
      });
      await scene.accept({ limits, requestBytes: 400 });
      await scene.finish(claim, completed());
      await scene.pass(1);
      await scene.sweep({ taskRetentionMs: 0, logRetentionMs: 0 });
      expect(await usage()).toMatchObject({ storedBytes: 400 });
    });

    it("are the contexts of its sessions too, as large as they are now", async () => {
      const stored = async (): Promise<number> => (await usage()).storedBytes;
      const first = await scene.acceptIn("s1", { limits: roomy });
      await scene.commit(await scene.claim(first.ref), { metadata: { note: "x".repeat(500) } });
      const large = await stored();
      expect(large).toBeGreaterThan(600);
      const second = await scene.acceptIn("s1", { limits: roomy });
      await scene.commit(await scene.claim(second.ref));
      expect(await stored()).toBeLessThan(large);
      await scene.store.sessions.import(scene.session(), executionContext({ version: 9n }), true);
      await scene.store.sessions.destroy(scene.session());
      expect(await stored()).toBe(0);
    });

    it("of a session go with its retention", async () => {
      const { ref } = await scene.acceptIn("s1", { limits: roomy });
      await scene.commit(await scene.claim(ref));
      await scene.pass(1);
      await scene.sweep({ taskRetentionMs: 0, logRetentionMs: 0, sessionRetentionMs: 0 });
      expect(await usage()).toMatchObject({ storedBytes: 0, sessionCount: 0 });
    });
  });

  it("answers zeros for a tenant that nobody knows", async () => {
    expect(await usage("nobody")).toEqual({
      queuedCount: 0,
      runningCount: 0,
      heldCount: 0,
      sessionCount: 0,
      tokenCount: 0,
      storedBytes: 0,
    });
  });
}
