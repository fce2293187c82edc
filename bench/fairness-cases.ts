/** What one tenant's flood does to another, by real processes: in memory, and over Redis. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "../test/harness/redis-server.ts";
import { type Case, type Effort, median, type Row } from "./compare.ts";
import { type Child, startChild } from "./processes.ts";
import type { FairnessOrder, FairnessReport } from "./servers/fairness.ts";
import { WAIT_MS } from "./servers/runtime.ts";

type OnRow = (row: Row) => void;
type Backend = "memory" | "Redis";

const SLOTS = 10;
/** What the flood leaves free, where it may not take all slots. */
const FREE_SLOTS = 2;
const FLOOD_COUNT = 10_000;
/** Short beside a turn, so that 99 of 100 is more than luck in a few seconds. */
const CALM_EVERY_MS = 25;
const WEIGHT = 3;

/** A gateway that submits, and what works for it. */
async function withProcesses<T>(
  backend: Backend,
  tenants: object,
  work: (gateway: Child) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-fairness-"));
  const file = join(folder, "tenants.json");
  writeFileSync(file, JSON.stringify({ tenants }));
  const redis = backend === "Redis" ? await startRedis() : undefined;
  const common = {
    TENANTS_FILE: file,
    TASK_MANAGER_WORKERS: `${SLOTS}`,
    MAX_QUEUE_SIZE: "1000000",
    ...(redis && { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: redis.url }),
  };
  const children: Child[] = [];
  const start = async (script: string, ...args: string[]): Promise<Child> => {
    const child = await startChild(`servers/${script}`, args);
    children.push(child);
    return child;
  };
  try {
    if (redis) await start("agentlane.ts", "waiting", JSON.stringify(common));
    const own = redis ? { TASK_MANAGER_ENABLED: "false" } : {};
    return await work(await start("fairness.ts", JSON.stringify({ ...common, ...own })));
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await redis?.stop();
    rmSync(folder, { recursive: true });
  }
}

function ask(gateway: Child, order: FairnessOrder): Promise<FairnessReport> {
  return gateway.ask<FairnessOrder, FairnessReport>(order);
}

async function untilIdle(gateway: Child, tenant: string): Promise<void> {
  while ((await ask(gateway, { type: "left", tenant })).left > 0) await pause(100);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The calm tenant's delays alone and beside the flood, in alternating rounds. */
async function delays(gateway: Child, { seconds, rounds }: Effort) {
  const count = Math.ceil((Math.max(seconds, 5) * 1000) / CALM_EVERY_MS);
  const calm = { type: "calm", tenant: "calm", count, everyMs: CALM_EVERY_MS } as const;
  await ask(gateway, { ...calm, count: 50 });
  const found: { alone: FairnessReport; beside: FairnessReport }[] = [];
  for (let round = 0; round < rounds; round++) {
    const alone = await ask(gateway, calm);
    await ask(gateway, { type: "flood", tenant: "noisy", count: FLOOD_COUNT });
    const beside = await ask(gateway, calm);
    const { left } = await ask(gateway, { type: "left", tenant: "noisy" });
    if (left === 0) throw new Error("the flood was over before the measurement");
    await untilIdle(gateway, "noisy");
    found.push({ alone, beside });
  }
  return found;
}

function startDelay(backend: Backend) {
  const tenants = { noisy: { maxRunningTasks: SLOTS - FREE_SLOTS } };
  return (effort: Effort, onRow: OnRow): Promise<Row[]> =>
    withProcesses(backend, tenants, async (gateway) => {
      const rounds = await delays(gateway, effort);
      const row = {
        case: `p99 start delay beside a flood of 10,000 ÷ alone, ${FREE_SLOTS} of ${SLOTS} slots free of it, ${backend}`,
        unit: "ms",
        ours: median(rounds.map(({ beside }) => beside.p99Ms)),
        peer: median(rounds.map(({ alone }) => alone.p99Ms)),
        ratio: median(rounds.map(({ alone, beside }) => beside.p99Ms / alone.p99Ms)),
        target: "≤ 2",
        note: `p50 ${medianMs(rounds.map(({ beside }) => beside.p50Ms))} beside, ${medianMs(rounds.map(({ alone }) => alone.p50Ms))} alone`,
      };
      onRow(row);
      return [row];
    });
}

function fullSlots(backend: Backend) {
  return (effort: Effort, onRow: OnRow): Promise<Row[]> =>
    withProcesses(backend, {}, async (gateway) => {
      const rounds = await delays(gateway, { ...effort, rounds: 1 });
      const ours = median(rounds.map(({ beside }) => beside.p99Ms));
      const row = {
        case: `p99 start delay beside a flood that may take all slots ÷ a turn of ${WAIT_MS} ms, ${backend}`,
        unit: "ms",
        ours,
        peer: WAIT_MS,
        ratio: ours / WAIT_MS,
        target: "≤ 1",
        note: `p50 ${medianMs(rounds.map(({ beside }) => beside.p50Ms))}`,
      };
      onRow(row);
      return [row];
    });
}

function medianMs(values: readonly number[]): string {
  return `${median(values).toFixed(1)} ms`;
}

function throughput(backend: Backend) {
  const tenants = { light: { weight: 1 }, heavy: { weight: WEIGHT } };
  return ({ seconds }: Effort, onRow: OnRow): Promise<Row[]> =>
    withProcesses(backend, tenants, async (gateway) => {
      for (const tenant of ["light", "heavy"]) {
        await ask(gateway, { type: "flood", tenant, count: FLOOD_COUNT });
      }
      const left = async (tenant: string) => (await ask(gateway, { type: "left", tenant })).left;
      const before = { light: await left("light"), heavy: await left("heavy") };
      await pause(Math.max(seconds, 5) * 1000);
      const light = before.light - (await left("light"));
      const heavy = before.heavy - (await left("heavy"));
      const row = {
        case: `throughput of weight ${WEIGHT} ÷ that of weight 1, both flooding, ${backend}`,
        unit: "tasks",
        ours: heavy,
        peer: light,
        ratio: heavy / light,
        target: `${WEIGHT}`,
      };
      onRow(row);
      return [row];
    });
}

export const fairnessCases: readonly Case[] = (["memory", "Redis"] as const).flatMap((backend) => [
  { group: "fairness", name: `fairness delay ${backend}`, run: startDelay(backend) },
  { group: "fairness", name: `fairness full ${backend}`, run: fullSlots(backend) },
  { group: "fairness", name: `fairness weights ${backend}`, run: throughput(backend) },
]);
