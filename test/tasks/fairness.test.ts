/** What does a flood of one tenant do to another, in how long its tasks wait to start? */
import { afterEach, describe, expect, it } from "vitest";
import { Priority } from "../../gen/agentlane/v1/task_pb.js";
import { ANYBODY } from "../../src/tasks/principal.ts";
import type { TaskInput } from "../../src/tasks/task-manager.ts";
import type { TenantPolicy, TenantRule } from "../../src/tasks/tenant-policy.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import { type Engine, input, startEngine } from "../harness/engine.ts";

const SLOTS = 4;
const TURN_MS = 100;
const FLOOD_COUNT = 10_000;
const OPTIONS = { streaming: false, deadlineInMs: undefined };

let engine: Engine;
let clock: FakeClock;

afterEach(() => engine.stop());

async function start(rules: Record<string, TenantRule> | undefined): Promise<void> {
  clock = fakeClock();
  const policy: TenantPolicy = { ruleOf: (tenant) => rules?.[tenant] };
  engine = await startEngine({
    clock,
    policy,
    maxQueueSize: 1_000_000,
    worker: { slots: SLOTS },
    script: async ({ signal }) => {
      await clock.sleep(TURN_MS, signal);
      return {};
    },
  });
}

async function submit(tenant: string, overrides: Partial<TaskInput> = {}): Promise<string> {
  const turn = input({ sessionId: "", ...overrides });
  const { task } = await engine.manager.submit({ ...ANYBODY, tenant }, turn, OPTIONS);
  return task.taskId;
}

async function flood(tenant: string, overrides: Partial<TaskInput> = {}): Promise<void> {
  await Promise.all(Array.from({ length: FLOOD_COUNT }, () => submit(tenant, overrides)));
}

/** One task of "calm" each second; the delays of their starts. */
async function calmDelays(count: number): Promise<number[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index++) {
    ids.push(await submit("calm"));
    await clock.advance(1000);
  }
  return Promise.all(ids.map(startDelay));
}

async function startDelay(taskId: string): Promise<number> {
  const { createdAt, startedAt } = await engine.store.log.get({ tenant: "calm", taskId });
  if (!createdAt || !startedAt) return Number.POSITIVE_INFINITY;
  const seconds = Number(startedAt.seconds - createdAt.seconds);
  return seconds * 1000 + (startedAt.nanos - createdAt.nanos) / 1e6;
}

function p99(delays: readonly number[]): number {
  const sorted = [...delays].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * 0.99)] ?? 0;
}

async function completedCount(tenant: string): Promise<number> {
  const { queuedCount, runningCount } = await engine.store.tenants.usage(tenant);
  return FLOOD_COUNT - queuedCount - runningCount;
}

describe("beside a tenant that floods with 10,000 tasks", () => {
  it("another starts as if it were alone, where the flood may not take all slots", async () => {
    const rules = { noisy: { weight: 1, maxRunningTasks: SLOTS - 1 }, calm: { weight: 1 } };
    await start(rules);
    const alone = await calmDelays(60);
    await flood("noisy");
    const beside = await calmDelays(60);
    expect(await completedCount("noisy")).toBe(60 * (SLOTS - 1) * (1000 / TURN_MS));
    expect(p99(beside)).toBeLessThanOrEqual(2 * p99(alone));
    expect(Math.max(...beside)).toBeLessThanOrEqual(2 * Math.max(...alone));
  });

  it.each([
    ["at the same priority", Priority.NORMAL],
    ["at the highest priority", Priority.URGENT],
  ])("another waits for a window and a slot at most, with the flood %s", async (_, priority) => {
    await start({ noisy: { weight: 1 }, calm: { weight: 1 } });
    await flood("noisy", { priority });
    const window = 4;
    const bound = Math.ceil((window + 1) / SLOTS) * TURN_MS;
    expect(Math.max(...(await calmDelays(60)))).toBeLessThanOrEqual(bound);
  });

  it("another would wait for all of it without a tenants file", async () => {
    await start(undefined);
    await flood("noisy");
    const delays = await calmDelays(20);
    expect(Math.max(...delays)).toBe(Number.POSITIVE_INFINITY);
  });

  it("a tenant of three times the weight gets three times the throughput", async () => {
    await start({ light: { weight: 1 }, heavy: { weight: 3 } });
    await Promise.all([flood("light"), flood("heavy")]);
    await clock.advance(60_000);
    const [light, heavy] = [await completedCount("light"), await completedCount("heavy")];
    expect(light + heavy).toBe(60 * SLOTS * (1000 / TURN_MS));
    expect(heavy / light).toBeCloseTo(3, 1);
  });

  it("slots that the others leave are its own", async () => {
    await start({ noisy: { weight: 1 }, calm: { weight: 9 } });
    await flood("noisy");
    await clock.advance(60_000);
    expect(await completedCount("noisy")).toBe(60 * SLOTS * (1000 / TURN_MS));
  });
});
