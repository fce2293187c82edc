/** Agents that hold their process's event loop for longer than a lease. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { AttemptOutcome, type Task, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { SubmitTaskRequestSchema, TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { type ServingProcess, serve } from "../harness/process.ts";
import { dropKeys, hasRedis, newPrefix, sharedRedis } from "../harness/redis-server.ts";

const AGENTS = new URL("../faults/agents/agentlane.json", import.meta.url).pathname;
/** Below the blocks of these tests, and enough for a thread that has to wait for a processor. */
const LEASE_SECONDS = 3;
const BLOCK_MS = 8000;
/** A blocked loop takes a processor from the rest, and three processes start for each test. */
const SLOWLY = { timeout: 120_000 };
/** Longer than any test runs. */
const FOREVER_MS = 600_000;

const SETTINGS = {
  AGENTS,
  LEASE_DURATION: String(LEASE_SECONDS),
  LEASE_RENEW_INTERVAL: "0.5",
  SWEEP_INTERVAL: "0.2",
  CANCEL_GRACE: "0.5",
};

let folder: string;
let processes: ServingProcess[] = [];
let taskCount = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-blocked-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  for (const process of processes) process.kill("SIGKILL");
  await Promise.all(processes.map((process) => process.exited));
  processes = [];
});

async function start(own: Record<string, string>): Promise<ServingProcess> {
  const process = await serve([], { ...SETTINGS, ...own });
  processes.push(process);
  return process;
}

function clientOf({ address }: ServingProcess) {
  return createClient(TaskService, createGrpcTransport({ baseUrl: `http://${address}` }));
}
type Tasks = ReturnType<typeof clientOf>;

/** Its first attempt blocks, the next one does not. */
async function submit(tasks: Tasks, blockMs: number, timeoutSeconds = 60): Promise<string> {
  const request = create(SubmitTaskRequestSchema, {
    agentId: "blocks",
    messages: [{ role: Role.USER, content: [{ part: { case: "text", value: "hold it" } }] }],
    configurable: { blockMs, marker: join(folder, `marker-${++taskCount}`) },
    timeout: { seconds: BigInt(timeoutSeconds), nanos: 0 },
    retryPolicy: { initialBackoff: { seconds: 0n, nanos: 10_000_000 } },
    idempotencyKey: randomUUID(),
  });
  for (;;) {
    try {
      const { task } = await tasks.submitTask(request);
      return task?.taskId ?? "";
    } catch (error) {
      // A saturated machine: other tests' processes start beside these.
      if (ConnectError.from(error).code !== Code.Unavailable) throw error;
    }
  }
}

async function until(tasks: Tasks, taskId: string, state: TaskState): Promise<Task> {
  for await (const { event } of tasks.watchTask({ taskId })) {
    if (event?.kind.case === "stateChange" && event.kind.value.state === state) break;
  }
  const { task } = await tasks.getTask({ taskId });
  if (!task) throw new Error(`${taskId} is gone`);
  return task;
}

const outcomesOf = ({ attempts }: Task): string[] => {
  return attempts.map(({ outcome }) => AttemptOutcome[outcome]);
};

describe.skipIf(!hasRedis)("a worker on Redis whose event loop is blocked", SLOWLY, () => {
  let redis: Awaited<ReturnType<typeof sharedRedis>>;
  let tasks: Tasks;
  const prefixes: string[] = [];

  beforeAll(async () => {
    redis = await sharedRedis();
  });
  afterAll(async () => {
    for (const prefix of prefixes) await dropKeys(redis.url, prefix);
    await redis.stop();
  });
  beforeEach(async () => {
    const prefix = newPrefix();
    prefixes.push(prefix);
    const backend = {
      MESSAGE_QUEUE_TYPE: "redis",
      REDIS_URL: redis.url,
      REDIS_KEY_PREFIX: prefix,
    };
    const gateway = start({ ...backend, TASK_MANAGER_ENABLED: "false" });
    await Promise.all([gateway, start(backend), start(backend)]);
    tasks = clientOf(await gateway);
  }, SLOWLY.timeout);

  it("keeps its lease as long as it is blocked, and commits", async () => {
    const taskId = await submit(tasks, BLOCK_MS);
    const done = await until(tasks, taskId, TaskState.COMPLETED);
    expect(outcomesOf(done)).toEqual(["COMPLETED"]);
  });

  it("loses it when the attempt's time limit passes, and another worker goes on", async () => {
    const taskId = await submit(tasks, FOREVER_MS, 2);
    const done = await until(tasks, taskId, TaskState.COMPLETED);
    expect(outcomesOf(done)).toEqual(["LEASE_EXPIRED", "COMPLETED"]);
    expect(new Set(done.attempts.map(({ workerId }) => workerId)).size).toBe(2);
  });

  it("loses it after a cancel, which the attempt cannot hear", async () => {
    const taskId = await submit(tasks, FOREVER_MS, 300);
    await until(tasks, taskId, TaskState.RUNNING);
    await tasks.cancelTask({ target: { case: "taskId", value: taskId } });
    const done = await until(tasks, taskId, TaskState.CANCELED);
    expect(outcomesOf(done)).toEqual(["LEASE_EXPIRED"]);
  });
});

describe("a process with everything in memory whose event loop is blocked", SLOWLY, () => {
  it("keeps its lease, for its sweeper is blocked too and lets renewals go first", async () => {
    const tasks = clientOf(await start({}));
    const taskId = await submit(tasks, BLOCK_MS);
    const done = await until(tasks, taskId, TaskState.COMPLETED);
    expect(outcomesOf(done)).toEqual(["COMPLETED"]);
  });
});
