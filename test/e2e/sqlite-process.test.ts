/** One durable process: killed at any moment, it goes on where it was. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import {
  AttemptOutcome,
  OnDisconnect,
  type Task,
  TaskState,
} from "../../gen/agentlane/v1/task_pb.js";
import {
  type SubmitTaskRequestSchema,
  TaskService,
} from "../../gen/agentlane/v1/task_service_pb.js";
import { run, type ServingProcess, serve } from "../harness/process.ts";

let folder: string;
let program: Program;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-sqlite-"));
  program = await start();
});
afterEach(async () => {
  await program.end("SIGKILL");
  rmSync(folder, { recursive: true });
});

type Program = Awaited<ReturnType<typeof start>>;

const storeUrl = (): string => `sqlite:${join(folder, "store.db")}`;

async function start() {
  const process: ServingProcess = await serve([], {
    STORE_URL: storeUrl(),
    TASK_MANAGER_WORKERS: "2",
    DRAIN_TIMEOUT: "0.3",
    // What has to be found at the start must not wait for these.
    LEASE_DURATION: "600",
    SWEEP_INTERVAL: "60",
  });
  const transport = createGrpcTransport({ baseUrl: `http://${process.address}` });
  return {
    agents: createClient(AgentService, transport),
    tasks: createClient(TaskService, transport),
    sessions: createClient(SessionService, transport),
    operations: createClient(OperationsService, transport),
    async end(signal: NodeJS.Signals): Promise<number | null> {
      process.kill(signal);
      return await process.exited;
    },
  };
}

async function restart(signal: NodeJS.Signals): Promise<void> {
  await program.end(signal);
  program = await start();
}

function turn(sessionId: string, configurable: Record<string, number> = {}) {
  return {
    agentId: "echo",
    sessionId,
    messages: [{ role: Role.USER, content: [{ part: { case: "text" as const, value: "hello" } }] }],
    configurable,
    retryPolicy: { initialBackoff: { seconds: 0n, nanos: 10_000_000 } },
    onDisconnect: OnDisconnect.CONTINUE,
  };
}

const anHour = { seconds: 3600n, nanos: 0 };
const slow = { tokens: 20, delayMs: 100 };

async function submit(request: MessageInitShape<typeof SubmitTaskRequestSchema>) {
  const { task } = await program.tasks.submitTask(request);
  if (!task) throw new Error("no task");
  return task;
}

/** A task whose next attempt is minutes away; the backoff is random, down to nothing. */
async function retryingLater(): Promise<Task> {
  for (;;) {
    const retryPolicy = { initialBackoff: anHour, maxBackoff: anHour };
    const { taskId } = await submit({ ...turn("", { failAttempts: 1 }), retryPolicy });
    const look = async (): Promise<Task | undefined> => {
      return (await program.tasks.getTask({ taskId })).task;
    };
    await expect.poll(async () => (await look())?.attempts[0]?.outcome).toBeTruthy();
    const task = await look();
    const atMs = Number(task?.nextAttemptAt?.seconds ?? 0n) * 1000;
    if (task && atMs > Date.now() + 120_000) return task;
  }
}

/** Its events from a sequence on, to its end. */
async function watch(taskId: string, afterSequence = 0) {
  const events: { attempt: number; sequence: number; state: TaskState | undefined }[] = [];
  for await (const { attempt, sequence, event } of program.tasks.watchTask({
    taskId,
    afterSequence,
  })) {
    const { kind } = event ?? {};
    const state = kind?.case === "stateChange" ? kind.value.state : undefined;
    if (event) events.push({ attempt, sequence, state });
  }
  return events;
}

/** Resolves when an attempt has begun; answers where the log was then. */
async function begun(taskId: string): Promise<number> {
  for await (const { sequence, event } of program.tasks.watchTask({ taskId })) {
    const { kind } = event ?? {};
    if (kind?.case === "stateChange" && kind.value.state === TaskState.RUNNING) return sequence;
  }
  throw new Error(`task ${taskId} ended`);
}

describe("a process with a SQLite store", { timeout: 120_000 }, () => {
  it("goes on after a kill: running, queued, retrying, ended", async () => {
    const done = { ...turn("done"), idempotencyKey: "k1" };
    const ended = await submit(done);
    await watch(ended.taskId);
    const failing = { ...turn("", { failAttempts: 9 }), maxAttempts: 1 };
    const dead = await submit(failing);
    await watch(dead.taskId);
    const retrying = await retryingLater();
    const running = [await submit(turn("s1", slow)), await submit(turn("s2", slow))];
    const [first] = running;
    const sequence = await begun(first?.taskId ?? "");
    const behind = await submit(turn("s1"));
    const queued = await submit(turn(""));
    await restart("SIGKILL");
    const events = await watch(first?.taskId ?? "", sequence);
    expect(events.map((event) => event.sequence)).toEqual(
      events.map((_, index) => sequence + 1 + index),
    );
    expect(events.at(-1)).toMatchObject({ attempt: 2, state: TaskState.COMPLETED });
    for (const { taskId } of [...running, behind, queued]) await watch(taskId);
    const { task } = await program.tasks.getTask({ taskId: first?.taskId ?? "" });
    expect(task?.attempts.map(({ outcome }) => outcome)).toEqual([
      AttemptOutcome.LEASE_EXPIRED,
      AttemptOutcome.COMPLETED,
    ]);
    expect((await submit(done)).taskId).toBe(ended.taskId);
    const { context } = await program.sessions.getSession({ agentId: "echo", sessionId: "s1" });
    expect(context?.version).toBe(2n);
    const letters = await program.tasks.listDeadLetters({});
    expect(letters.tasks.map(({ taskId }) => taskId)).toEqual([dead.taskId]);
    const { task: waiting } = await program.tasks.getTask({ taskId: retrying.taskId });
    expect(waiting).toEqual(retrying);
    expect((await program.operations.listWorkers({})).workers).toHaveLength(1);
  });

  it("hands its tasks over in a drain, without consuming an attempt", async () => {
    const { taskId } = await submit(turn("s1", { tokens: 600, delayMs: 100 }));
    await begun(taskId);
    await program.end("SIGTERM").then((code) => expect(code).toBe(0));
    program = await start();
    await begun(taskId);
    const { task } = await program.tasks.getTask({ taskId });
    expect(task).toMatchObject({ consumedAttempts: 0, attempt: 2 });
  });

  it("keeps a second process out", async () => {
    const { code, errors } = await run(["serve"], { STORE_URL: storeUrl(), PORT: "0" });
    expect(code).toBe(1);
    expect(errors).toMatch(/belongs to another running process/);
    await program.agents.execute(turn("s1"));
  });
});
