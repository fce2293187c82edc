/** Requests, results and streams of megabytes: more of them at once than Redis sends anybody. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { type ServingProcess, serve } from "../harness/process.ts";
import { dropKeys, hasRedis, newPrefix, sharedRedis } from "../harness/redis-server.ts";

const AGENTS = new URL("large-graphs/langgraph.json", import.meta.url).pathname;
const LEASE_MS = 2000;

describe.skipIf(!hasRedis)("large payloads on Redis", { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-large-"));
  const prefix = newPrefix();
  const processes: ServingProcess[] = [];
  let redis: Awaited<ReturnType<typeof sharedRedis>>;
  let gateways: Gateway[];
  let worker: ServingProcess;

  beforeAll(async () => {
    redis = await sharedRedis();
    const starting = Promise.all([gateway(), gateway()]);
    worker = await start({});
    gateways = await starting;
  }, 60_000);
  afterAll(async () => {
    for (const process of processes) process.kill("SIGKILL");
    await Promise.all(processes.map((process) => process.exited));
    await dropKeys(redis.url, prefix);
    await redis.stop();
    rmSync(folder, { recursive: true });
  });

  async function start(own: Record<string, string>): Promise<ServingProcess> {
    const process = await serve([], {
      MESSAGE_QUEUE_TYPE: "redis",
      REDIS_URL: redis.url,
      REDIS_KEY_PREFIX: prefix,
      AGENTS,
      TASK_MANAGER_WORKERS: "20",
      LEASE_DURATION: String(LEASE_MS / 1000),
      LEASE_RENEW_INTERVAL: "0.5",
      ...own,
    });
    processes.push(process);
    return process;
  }

  async function gateway() {
    const { address } = await start({ TASK_MANAGER_ENABLED: "false" });
    const transport = createGrpcTransport({ baseUrl: `http://${address}` });
    return {
      agents: createClient(AgentService, transport),
      tasks: createClient(TaskService, transport),
    };
  }
  type Gateway = Awaited<ReturnType<typeof gateway>>;

  function at(index: number): Gateway {
    const found = gateways[index];
    if (!found) throw new Error("the gateways are not started");
    return found;
  }

  function turn(agentId: string, configurable: Record<string, number | string>, text = "go") {
    const content = [{ part: { case: "text" as const, value: text } }];
    return {
      agentId,
      messages: [{ role: Role.USER, content }],
      configurable,
      retryPolicy: { initialBackoff: { seconds: 0n, nanos: 10_000_000 } },
    };
  }

  /** To its end: the sequences that came, and the last state. */
  async function follow(index: number, taskId: string, afterSequence = 0) {
    const sequences: number[] = [];
    let last: TaskState | undefined;
    for await (const reply of at(index).tasks.watchTask({ taskId, afterSequence })) {
      sequences.push(reply.sequence);
      if (reply.event?.kind.case === "stateChange") last = reply.event.kind.value.state;
    }
    return { sequences, last };
  }

  it("all end when the worker dies that ran ten of 3.5 MB each", async () => {
    const taskIds: string[] = [];
    for (let index = 0; index < 10; index++) {
      const configurable = { marker: join(folder, `marker-${index}`) };
      const request = turn("hangs-once", configurable, "x".repeat(3_500_000));
      const { task } = await at(index % 2).tasks.submitTask(request);
      taskIds.push(task?.taskId ?? "");
    }
    const runningCount = async (): Promise<number> => {
      const states = await Promise.all(taskIds.map((taskId) => at(0).tasks.getTask({ taskId })));
      return states.filter(({ task }) => task?.state === TaskState.RUNNING).length;
    };
    await expect.poll(runningCount, { timeout: 30_000 }).toBe(taskIds.length);
    const watching = taskIds.map((taskId, index) => follow(index % 2, taskId));
    const next = await start({});
    worker.kill("SIGKILL");
    worker = next;
    const ended = await Promise.all(watching);
    expect(ended.map(({ last }) => last)).toEqual(taskIds.map(() => TaskState.COMPLETED));
    for (const taskId of taskIds) {
      const { task } = await at(1).tasks.getTask({ taskId });
      expect(task?.attempts.map(({ attempt }) => attempt)).toEqual([1, 2]);
    }
  });

  it("page through 40 results of 1 MB, whatever page size is asked for", async () => {
    const taskIds: string[] = [];
    for (let index = 0; index < 40; index++) {
      const request = turn("answers", { size: 1_000_000 });
      taskIds.unshift((await at(index % 2).agents.execute(request)).taskId);
    }
    for (const pageSize of [50, 1]) {
      const listed: string[] = [];
      let pageToken = "";
      do {
        const page = await at(0).tasks.listTasks({ agentId: "answers", pageSize, pageToken });
        expect(page.tasks.length).toBeGreaterThan(0);
        for (const task of page.tasks) listed.push(task.taskId);
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(listed).toEqual(taskIds);
    }
  });

  it("stream 60 times 700 KB, and again from any of them on the other gateway", async () => {
    const sequences: number[] = [];
    let taskId = "";
    let texts = 0;
    const request = turn("emits", { size: 700_000, count: 60 });
    for await (const reply of at(0).agents.streamExecute(request)) {
      taskId = reply.taskId;
      sequences.push(reply.sequence);
      if (reply.event?.kind.case === "progress") texts++;
    }
    expect(texts).toBe(60);
    expect(sequences).toEqual(sequences.map((_, index) => index + 1));
    const again = await follow(1, taskId, 7);
    expect(again).toEqual({ sequences: sequences.slice(7), last: TaskState.COMPLETED });
  });
});
