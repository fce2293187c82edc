/** What sessions and finished tasks cost while they are kept. No network: the runtime is called directly. */
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { DEFAULT_TENANT } from "../../src/tasks/task-manager.ts";
import { AGENT_ID } from "../workload.ts";
import { benchRuntime } from "./runtime.ts";

export type Order =
  | { readonly kind: "instances"; readonly sessions: number; readonly live: number }
  | { readonly kind: "growth"; readonly levels: readonly number[] };

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

const principal = { tenant: DEFAULT_TENANT };
const CONCURRENCY = 64;
/** Tasks a level is measured with. */
const SAMPLE = 5000;

type Bench = Awaited<ReturnType<typeof benchRuntime>>;

process.on("message", (order: Order) => {
  const run = order.kind === "growth" ? growth(order.levels) : instances(order);
  run.then(
    (figures) => process.send?.(figures),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

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
  for await (const _entry of entries);
}

async function turns(runtime: Bench, count: number, sessionId: (n: number) => string) {
  let next = 0;
  async function caller(): Promise<void> {
    while (next < count) await turn(runtime, sessionId(next++));
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
}

async function growth(levels: readonly number[]): Promise<Growth> {
  const day = { MESSAGE_RETENTION_HOURS: "24", TASK_RETENTION_HOURS: "48" };
  const runtime = await benchRuntime("noop", { ...day, MAX_QUEUE_SIZE: "1000000" });
  await runtime.start();
  await turns(runtime, SAMPLE, () => "");
  let retained = SAMPLE;
  const microseconds: number[] = [];
  for (const level of levels) {
    await turns(runtime, Math.max(0, level - retained), () => "");
    retained = Math.max(retained, level);
    collectGarbage();
    const startedAt = performance.now();
    await turns(runtime, SAMPLE, () => "");
    microseconds.push(((performance.now() - startedAt) * 1000) / SAMPLE);
    retained += SAMPLE;
  }
  await runtime.stop();
  return { microseconds };
}

async function instances(order: { sessions: number; live: number }): Promise<InstanceFigures> {
  const runtime = await benchRuntime("noop", {
    INSTANCE_TIMEOUT: "1",
    TASK_CLEANUP_INTERVAL: "3600",
    MAX_INSTANCES: String(order.sessions),
  });
  await runtime.start();
  await turns(runtime, SAMPLE, () => "");
  const rssBefore = await settledRss();

  await turns(runtime, order.live, (n) => `live-${n}`);
  collectGarbage();
  const withInstances = process.memoryUsage().heapUsed;
  await evictAll(runtime);
  collectGarbage();
  const bytesAnInstance = (withInstances - process.memoryUsage().heapUsed) / order.live;

  await turns(runtime, order.sessions - order.live, (n) => `idle-${n}`);
  await evictAll(runtime);
  const sessionIds = [
    ...Array.from({ length: order.live }, (_, n) => `live-${n}`),
    ...Array.from({ length: order.sessions - order.live }, (_, n) => `idle-${n}`),
  ];
  for (const sessionId of sessionIds) {
    await runtime.sessions.destroy(principal, { agentId: AGENT_ID, sessionId });
  }
  const rssAfter = await settledRss();
  await runtime.stop();
  return { bytesAnInstance, rssBefore, rssAfter };
}

async function evictAll(runtime: Bench): Promise<void> {
  await sleep(1500);
  runtime.worker?.cleanUp();
}

function collectGarbage(): void {
  globalThis.gc?.();
}

/** V8 gives pages back over several collections. */
async function settledRss(): Promise<number> {
  for (let round = 0; round < 5; round++) {
    collectGarbage();
    await sleep(300);
  }
  return process.memoryUsage().rss;
}

process.send?.({ port: 0 });
