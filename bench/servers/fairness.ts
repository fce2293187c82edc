/** Submits turns of several tenants without RPC, and tells how long they wait to start. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock } from "../../src/clock.ts";
import { ANYBODY } from "../../src/tasks/principal.ts";
import { requestBytes } from "../workload.ts";
import { benchRuntime } from "./runtime.ts";

export type FairnessOrder =
  | { readonly type: "flood"; readonly tenant: string; readonly count: number }
  /** One turn after the other, whether the one before has started or not. */
  | {
      readonly type: "calm";
      readonly tenant: string;
      readonly count: number;
      readonly everyMs: number;
    }
  /** Tasks of a tenant that wait or run. */
  | { readonly type: "left"; readonly tenant: string };

export interface FairnessReport {
  readonly left: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const runtime = await benchRuntime("waiting", JSON.parse(process.argv[2] ?? "{}"));
await runtime.start();
const options = { streaming: false, deadlineInMs: undefined };
const request = fromBinary(ExecuteRequestSchema, Buffer.from(requestBytes(), "base64"));
const input = () => create(ExecuteRequestSchema, request);
/** Submits under way at once. */
const FLOOD_CALLERS = 64;

async function flood(tenant: string, count: number): Promise<void> {
  let left = count;
  const caller = async (): Promise<void> => {
    while (left-- > 0) await runtime.manager.submit({ ...ANYBODY, tenant }, input(), options);
  };
  await Promise.all(Array.from({ length: FLOOD_CALLERS }, caller));
}

/** From the submit to the event that tells of the start. */
async function startDelayMs(tenant: string): Promise<number> {
  const calledAt = performance.now();
  const never = new AbortController().signal;
  const { entries } = await runtime.manager.run({ ...ANYBODY, tenant }, input(), options, never);
  let startedAt = Number.POSITIVE_INFINITY;
  for await (const batch of entries) {
    for (const { kind } of batch.map(({ event }) => event)) {
      if (kind.case !== "stateChange" || kind.value.state !== TaskState.RUNNING) continue;
      startedAt = performance.now();
    }
  }
  return startedAt - calledAt;
}

async function calm(tenant: string, count: number, everyMs: number): Promise<number[]> {
  const delays: Promise<number>[] = [];
  for (let index = 0; index < count; index++) {
    delays.push(startDelayMs(tenant));
    await systemClock.sleep(everyMs);
  }
  return Promise.all(delays);
}

async function answer(order: FairnessOrder): Promise<FairnessReport> {
  const delays = order.type === "calm" ? await calm(order.tenant, order.count, order.everyMs) : [];
  if (order.type === "flood") await flood(order.tenant, order.count);
  const { queuedTasks, runningTasks } = await runtime.operations.tenantUsage(ANYBODY, order.tenant);
  delays.sort((a, b) => a - b);
  const percentile = (p: number) => delays[Math.floor((delays.length - 1) * p)] ?? 0;
  return {
    left: Number(queuedTasks + runningTasks),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
  };
}

process.on("message", (order: FairnessOrder) => {
  answer(order).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.send?.({ port: 0 });
