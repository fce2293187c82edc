import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MultitaskStrategy } from "../../gen/agentlane/v1/task_pb.js";
import type { Turn } from "../../src/executor/contract.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { createLogger } from "../../src/telemetry/logging.ts";
import { METRICS } from "../../src/telemetry/metric-definitions.ts";
import { type CollectableMetrics, createMetrics } from "../../src/telemetry/metrics.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import { newTaskId } from "../harness/builders.ts";
import { counted } from "../harness/counted.ts";
import {
  type Engine,
  type EngineOptions,
  input,
  PRINCIPAL,
  startEngine,
  submit,
  watchToEnd,
} from "../harness/engine.ts";

let engine: Engine;
let clock: FakeClock;
let metrics: CollectableMetrics;
let lines: Record<string, unknown>[];

beforeEach(() => {
  clock = fakeClock();
  metrics = createMetrics(clock);
  lines = [];
});
afterEach(() => engine.stop());

async function start(options: EngineOptions = {}): Promise<void> {
  const write = (line: string): void => void lines.push(JSON.parse(line));
  const logger = createLogger({ level: "info", format: "json", write });
  engine = await startEngine({ clock, metrics, logger, random: () => 1, ...options });
}

/** The lines of a task: attempt, state before, state, reason. */
function told(taskId: string): string[] {
  return lines
    .filter((line) => line.message === "task" && line.task_id === taskId)
    .map(({ attempt, previous = "NEW", state, reason }) =>
      [attempt, `${previous} ${state}`, ...(reason ? [reason] : [])].join(" "),
    );
}

function untilAborted({ signal }: Turn): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

const failing = async (): Promise<never> => {
  throw new Error("boom: the secret of the prompt");
};

describe("each state change has one line", () => {
  it("of a task that succeeds", async () => {
    await start();
    const { taskId } = await submit(engine);
    await watchToEnd(engine, taskId);
    expect(told(taskId)).toEqual(["0 NEW QUEUED", "1 QUEUED RUNNING", "1 RUNNING COMPLETED"]);
    expect(lines.find(({ state }) => state === "COMPLETED")).toMatchObject({
      level: "info",
      tenant: "default",
      agent: "scripted",
      attempt: 1,
      duration_ms: 0,
    });
    expect(await counted(metrics, METRICS.attempts)).toEqual({ "scripted COMPLETED": 1 });
  });

  it("of a task that is retried, given up and sent back", async () => {
    await start({ script: failing });
    const { taskId } = await submit(engine, { maxAttempts: 2 });
    await clock.advance(10_000);
    await engine.manager.redrive(PRINCIPAL, [taskId]);
    await clock.advance(0);
    expect(told(taskId)).toEqual([
      "0 NEW QUEUED",
      "1 QUEUED RUNNING",
      "1 RUNNING RETRY_WAIT AGENT_ERROR",
      "1 RETRY_WAIT QUEUED",
      "2 QUEUED RUNNING",
      "2 RUNNING FAILED AGENT_ERROR",
      "2 FAILED QUEUED",
      "3 QUEUED RUNNING",
      "3 RUNNING RETRY_WAIT AGENT_ERROR",
    ]);
    expect(await counted(metrics, METRICS.retries)).toEqual({ "scripted AGENT_ERROR": 2 });
    expect(await counted(metrics, METRICS.deadLetters)).toEqual({ "scripted AGENT_ERROR": 1 });
    expect(await counted(metrics, METRICS.redrives)).toEqual({ scripted: 1 });
    expect(await counted(metrics, METRICS.attempts)).toEqual({ "scripted FAILED": 3 });
    expect(JSON.stringify(lines)).not.toContain("the secret of the prompt");
  });

  it("of tasks that are canceled while they wait, while they run, and by a newer one", async () => {
    await start({ script: untilAborted });
    const running = await submit(engine);
    const waiting = await submit(engine);
    const replaced = await submit(engine);
    await clock.advance(0);
    await engine.manager.cancel(PRINCIPAL, { taskId: waiting.taskId }, "");
    await engine.manager.cancel(PRINCIPAL, { taskId: waiting.taskId }, "");
    const strategy = MultitaskStrategy.ROLLBACK;
    const options = { streaming: false, deadlineInMs: undefined };
    await engine.manager.submit(PRINCIPAL, input({ multitaskStrategy: strategy }), options);
    await clock.advance(20);
    expect(told(waiting.taskId)).toEqual(["0 NEW QUEUED", "0 QUEUED CANCELED CANCELED"]);
    expect(told(replaced.taskId)).toEqual(["0 NEW QUEUED", "0 QUEUED CANCELED CANCELED"]);
    expect(told(running.taskId)).toEqual([
      "0 NEW QUEUED",
      "1 QUEUED RUNNING",
      "1 RUNNING CANCELED CANCELED",
    ]);
  });

  it("of a task whose deadline passes, and of a session that is destroyed", async () => {
    await start({ withWorker: false });
    const options = { streaming: false, deadlineInMs: 1000 };
    const late = await engine.manager.submit(PRINCIPAL, input(), options);
    const other = await submit(engine, { sessionId: "s2" });
    await clock.advance(2000);
    await engine.sessions.destroy(PRINCIPAL, { agentId: "scripted", sessionId: "s2" });
    expect(told(late.task.taskId)).toEqual(["0 NEW QUEUED", "0 QUEUED FAILED DEADLINE_EXCEEDED"]);
    expect(told(other.taskId)).toEqual(["0 NEW QUEUED", "0 QUEUED CANCELED CANCELED"]);
    expect(await counted(metrics, METRICS.deadLetters)).toEqual({
      "scripted DEADLINE_EXCEEDED": 1,
    });
  });

  it("of an attempt that a drain hands back", async () => {
    await start({ script: untilAborted });
    const { taskId } = await submit(engine);
    await clock.advance(0);
    const stopping = engine.workers[0]?.stop();
    await clock.advance(20);
    await stopping;
    expect(told(taskId)).toEqual([
      "0 NEW QUEUED",
      "1 QUEUED RUNNING",
      "1 RUNNING QUEUED WORKER_DRAINING",
    ]);
    expect(await counted(metrics, METRICS.attempts)).toEqual({ "scripted RELEASED": 1 });
  });

  it("of an attempt whose worker died, by whoever ends it", async () => {
    const store = createMemoryStore({ clock, maxEndedTasks: 100, maxEndedEvents: 1000 });
    await start({ withWorker: false, store });
    const { taskId } = await submit(engine);
    const ref = { ...PRINCIPAL, taskId };
    const claimId = newTaskId();
    await store.tasks.claim({ ref, claimId, workerId: "dead", leaseMs: 15_000, spanId: "" });
    await clock.advance(17_000);
    expect(told(taskId)).toEqual([
      "0 NEW QUEUED",
      "1 RUNNING RETRY_WAIT LEASE_EXPIRED",
      "1 RETRY_WAIT QUEUED",
    ]);
    expect(await counted(metrics, METRICS.attempts)).toEqual({ "scripted LEASE_EXPIRED": 1 });
  });

  it("of a submit that is repeated with its key: none for the repeat", async () => {
    await start();
    const first = await submit(engine, { idempotencyKey: "k" });
    await watchToEnd(engine, first.taskId);
    const again = await submit(engine, { idempotencyKey: "k" });
    expect(again.taskId).toBe(first.taskId);
    expect(told(first.taskId)).toHaveLength(3);
  });
});

it("an id that names no configured agent is no attribute", async () => {
  await start();
  engine.dispatcher.journal.changed({
    ...{ tenant: "default", taskId: "t", agentId: "made-up-by-a-client", attempt: 0 },
    ...{ previous: 1, state: 7, reason: "CANCELED" },
  });
  expect(await counted(metrics, METRICS.transitions)).toEqual({ "unknown CANCELED": 1 });
});

it("a line carries the ids of the task's own trace", async () => {
  await start();
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  await engine.dispatcher.dispatch({
    doorbells: [],
    notices: [],
    changes: [
      {
        ...{ tenant: "default", taskId: "t", agentId: "scripted", attempt: 1 },
        ...{ previous: 3, state: 1, reason: "", traceHeaders: { traceparent } },
      },
    ],
  });
  expect(lines.at(-1)).toMatchObject({ trace_id: "a".repeat(32), span_id: "b".repeat(16) });
});
