/** What callers are told while Redis accepts connections and answers nothing. */
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { OnDisconnect, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/grpc/health/v1/health_pb.js";
import { type ServingProcess, serve } from "../harness/process.ts";
import { hasRedis, type RedisServer, startRedis } from "../harness/redis-server.ts";

/** Two seconds are promised; the rest is for a machine that has more to do. */
const REFUSAL_MS = 5000;
/** For the reconnects after it, and the rest of a task. */
const POLL = { timeout: 25_000, interval: 200 };

describe.skipIf(!hasRedis)("while Redis is frozen", { timeout: 60_000 }, () => {
  let redis: RedisServer;
  let process: ServingProcess;
  let agents: ReturnType<typeof clientsOf>["agents"];
  let tasks: ReturnType<typeof clientsOf>["tasks"];
  let health: ReturnType<typeof clientsOf>["health"];

  beforeEach(async () => {
    redis = await startRedis({ aof: true });
    process = await serve([], { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: redis.url });
    ({ agents, tasks, health } = clientsOf(process));
  });
  afterEach(async () => {
    process.kill("SIGKILL");
    await process.exited;
    await redis.stop();
  });

  function clientsOf({ address }: ServingProcess) {
    const transport = createGrpcTransport({ baseUrl: `http://${address}` });
    return {
      agents: createClient(AgentService, transport),
      tasks: createClient(TaskService, transport),
      health: createClient(Health, transport),
    };
  }

  function turn(configurable: Record<string, number> = {}) {
    const text = { part: { case: "text" as const, value: "hello" } };
    return {
      agentId: "echo",
      messages: [{ role: Role.USER, content: [text] }],
      configurable,
      onDisconnect: OnDisconnect.CONTINUE,
    };
  }

  async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
    return call.then(() => new ConnectError("it succeeded", Code.Unknown), ConnectError.from);
  }

  async function drained(stream: AsyncIterable<unknown>): Promise<void> {
    for await (const _ of stream);
  }

  it.each<[string, (options: { timeoutMs: number }) => Promise<unknown>]>([
    ["SubmitTask", (options) => tasks.submitTask(turn(), options)],
    ["Execute", (options) => agents.execute(turn(), options)],
    ["StreamExecute", (options) => drained(agents.streamExecute(turn(), options))],
  ])("%s is refused soon, and told when to try again", async (_name, call) => {
    redis.freeze();
    const failures = await Promise.all(
      Array.from({ length: 5 }, () => failureOf(call({ timeoutMs: REFUSAL_MS }))),
    );
    for (const failure of failures) {
      expect(Code[failure.code], failure.message).toBe("Unavailable");
      expect(failure.findDetails(RetryInfoSchema)).toHaveLength(1);
    }
  });

  it("health says so of each service that needs it, and takes it back", async () => {
    const abort = new AbortController();
    const watched = ["agentlane.v1.AgentService", "agentlane.v1.TaskService"].map((service) =>
      health.watch({ service }, { signal: abort.signal })[Symbol.asyncIterator](),
    );
    const next = () =>
      Promise.all(watched.map(async (watch) => (await watch.next()).value?.status));
    expect(await next()).toEqual([Status.SERVING, Status.SERVING]);
    redis.freeze();
    expect(await next()).toEqual([Status.NOT_SERVING, Status.NOT_SERVING]);
    expect(await health.check({ service: "liveness" })).toMatchObject({ status: Status.SERVING });
    redis.thaw();
    expect(await next()).toEqual([Status.SERVING, Status.SERVING]);
    abort.abort();
    for (const watch of watched) await watch.next().catch(() => undefined);
  });

  it("a call whose task was accepted ends with the task's id, and the task goes on", async () => {
    const slow = turn({ tokens: 40, delayMs: 25 });
    let taskId = "";
    const reading = (async () => {
      for await (const response of agents.streamExecute(slow)) {
        if (taskId === "") redis.freeze();
        taskId = response.taskId;
      }
    })();
    const failure = await failureOf(reading);
    expect(Code[failure.code], failure.message).toBe("Unavailable");
    expect(failure.findDetails(ErrorInfoSchema)).toMatchObject([
      { reason: "WATCH_BROKEN", metadata: { task_id: taskId } },
    ]);
    redis.thaw();
    await expect
      .poll(async () => (await tasks.getTask({ taskId })).task?.state, POLL)
      .toBe(TaskState.COMPLETED);
  });
});
