/** What sessions and finished tasks cost while they are kept. No network: the runtime is called directly. */
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { ANYBODY } from "../../src/tasks/principal.ts";
import { median } from "../compare.ts";
import { AGENT_ID } from "../workload.ts";
import { benchRuntime } from "./runtime.ts";

export type Order =
  | { readonly kind: "instances"; readonly sessions: number; readonly live: number }
  | { readonly kind: "growth"; readonly levels: readonly number[]; readonly env?: Environment }
  /** Runs so many tasks and leaves them to their retention. */
  | { readonly kind: "flow"; readonly count: number; readonly env: Environment };

type Environment = Readonly<Record<string, string>>;

export interface InstanceFigures {
  readonly bytesAnInstance: number;
  /** Bytes. */
  readonly rssBefore: number;
  readonly rssAfter: number;
}

export interface Growth {
  /** A task's cost at each level. */
  readonly microseconds: readonly number[];
}

const principal = ANYBODY;
const CONCURRENCY = 64;
/** Tasks a level is measured with. */
const SAMPLE = 2000;
/** Samples a level takes the median of. */
const SAMPLES = 7;
const SETTLE_MS = 8000;
const REPORT_LIMIT_MS = 60_000;
/** What is measured must not expire meanwhile. */
const KEEP = { MESSAGE_RETENTION_HOURS: "24", TASK_RETENTION_HOURS: "48" };

type Bench = Awaited<ReturnType<typeof benchRuntime>>;

process.on("message", (order: Order) => {
  answer(order).then(
    (figures) => process.send?.(figures),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

function answer(order: Order): Promise<object> {
  switch (order.kind) {
    case "growth":
      return growth(order.levels, order.env ?? {});
    case "flow":
      return flow(order);
    default:
      return instances(order);
  }
}

let flowing: Bench | undefined;

/** The same runtime goes on with every order. */
async function flow({ count, env }: { count: number; env: Environment }): Promise<object> {
  if (!flowing) {
    flowing = await benchRuntime("noop", env);
    await flowing.start();
  }
  await turns(flowing, count, () => "");
  return {};
}

async function turn(runtime: Bench, sessionId: string): Promise<void> {
  const request = create(ExecuteRequestSchema, {
    agentId: AGENT_ID,
    sessionId,
    messages: [{ role: Role.USER, content: [{ part: { case: "text", value: "hello" } }] }],
  });
  const options = { streaming: false, deadlineInMs: undefined };
  const { entries } = await runtime.manager.run(
    principal,
    request,
    options,
    new AbortController().signal,
  );
  for await (const _batch of entries);
}

async function turns(runtime: Bench, count: number, sessionId: (n: number) => string) {
  let next = 0;
  async function caller(): Promise<void> {
    while (next < count) await turn(runtime, sessionId(next++));
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
}

async function growth(levels: readonly number[], env: Environment): Promise<Growth> {
  // Another runtime's work warms the code up; this one's would count as retained.
  const apart = { REDIS_KEY_PREFIX: "warm-up" };
  const warmUp = await benchRuntime("noop", { ...KEEP, ...env, ...apart });
  await warmUp.start();
  await turns(warmUp, 10 * SAMPLE, () => "");
  await warmUp.stop();

  const runtime = await benchRuntime("noop", { ...KEEP, ...env });
  await runtime.start();
  let retained = 0;
  const microseconds: number[] = [];
  for (const level of levels) {
    await turns(runtime, Math.max(0, level - retained), () => "");
    retained = Math.max(retained, level);
    collectGarbage();
    const samples: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      const startedAt = performance.now();
      await turns(runtime, SAMPLE, () => "");
      samples.push(((performance.now() - startedAt) * 1000) / SAMPLE);
    }
    microseconds.push(median(samples));
    retained += SAMPLES * SAMPLE;
  }
  await runtime.stop();
  return { microseconds };
}

async function instances(order: { sessions: number; live: number }): Promise<InstanceFigures> {
  const runtime = await benchRuntime("noop", {
    ...KEEP,
    INSTANCE_TIMEOUT: "1",
    TASK_CLEANUP_INTERVAL: "3600",
    MAX_INSTANCES: String(order.sessions),
  });
  await runtime.start();
  await turns(runtime, SAMPLE, (n) => `warm-${n}`);
  await evictAll(runtime);
  await destroyAll(runtime, "warm", SAMPLE);
  const rssBefore = await settledRss();

  await turns(runtime, order.live, (n) => `live-${n}`);
  await activeInstances(runtime, order.live);
  collectGarbage();
  const withInstances = process.memoryUsage().heapUsed;
  await evictAll(runtime);
  collectGarbage();
  const bytesAnInstance = (withInstances - process.memoryUsage().heapUsed) / order.live;

  const idle = order.sessions - order.live;
  await turns(runtime, idle, (n) => `idle-${n}`);
  await evictAll(runtime);
  await destroyAll(runtime, "live", order.live);
  await destroyAll(runtime, "idle", idle);
  const rssAfter = await settledRss();
  await runtime.stop();
  return { bytesAnInstance, rssBefore, rssAfter };
}

/** Waits until the workers have reported so many. */
async function activeInstances(runtime: Bench, count: number): Promise<void> {
  const giveUpAt = performance.now() + REPORT_LIMIT_MS;
  for (;;) {
    const { activeInstances } = await runtime.operations.status();
    if (activeInstances === count) return;
    if (performance.now() > giveUpAt) {
      throw new Error(`${activeInstances} instances are live, not ${count}`);
    }
    await sleep(200);
  }
}

async function evictAll(runtime: Bench): Promise<void> {
  await sleep(1500);
  runtime.worker?.cleanUp();
  await activeInstances(runtime, 0);
}

async function destroyAll(runtime: Bench, prefix: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const name = { agentId: AGENT_ID, sessionId: `${prefix}-${n}` };
    await runtime.sessions.destroy(principal, name);
  }
}

function collectGarbage(): void {
  globalThis.gc?.();
}

/** V8 keeps freed pages pooled and gives them back some ten seconds after the last collection. */
async function settledRss(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await sleep(SETTLE_MS);
  }
  return process.memoryUsage().rss;
}

process.send?.({ port: 0 });
