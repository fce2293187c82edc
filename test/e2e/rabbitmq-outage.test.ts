/** What calls do while RabbitMQ is away or takes no messages and the store answers, and after that. */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { type ServingProcess, serve } from "../harness/process.ts";
import { hasRabbit, type RabbitServer, startRabbit } from "../harness/rabbitmq-server.ts";
import { hasRedis, type RedisServer, startRedis } from "../harness/redis-server.ts";

describe.skipIf(!hasRabbit || !hasRedis)("while RabbitMQ is away", { timeout: 120_000 }, () => {
  let rabbit: RabbitServer;
  let redis: RedisServer;
  let serving: ServingProcess;
  let agents: ReturnType<typeof clientsOf>["agents"];
  let tasks: ReturnType<typeof clientsOf>["tasks"];

  beforeAll(async () => {
    [rabbit, redis] = await Promise.all([startRabbit(), startRedis({ aof: true })]);
    const environment = { MESSAGE_QUEUE_TYPE: "rabbitmq", RABBITMQ_URL: rabbit.url };
    serving = await serve([], { ...environment, STORE_URL: redis.url, LOG_LEVEL: "error" });
    ({ agents, tasks } = clientsOf(serving));
  }, 120_000);
  afterAll(async () => {
    serving?.kill("SIGKILL");
    await serving?.exited;
    await Promise.all([rabbit?.stop(), redis?.stop()]);
  });

  function clientsOf({ address }: ServingProcess) {
    const transport = createGrpcTransport({ baseUrl: `http://${address}` });
    return {
      agents: createClient(AgentService, transport),
      tasks: createClient(TaskService, transport),
    };
  }

  function turn(configurable: Record<string, number> = {}) {
    const text = { part: { case: "text" as const, value: "hello again and again" } };
    return { agentId: "echo", messages: [{ role: Role.USER, content: [text] }], configurable };
  }

  /** Reads it to its end; answers the sequences. */
  async function watched(taskId: string, afterSequence = 0): Promise<number[]> {
    const sequences: number[] = [];
    for await (const { sequence } of tasks.watchTask({ taskId, afterSequence })) {
      sequences.push(sequence);
    }
    return sequences;
  }

  /** A task that runs, and a call that waits for another one, both through `breakAndMend`. */
  async function goesOn(breakIt: () => Promise<unknown>, mendIt: () => Promise<unknown>) {
    const slow = turn({ tokens: 60, delayMs: 50 });
    let taskId = "";
    let executing: ReturnType<typeof agents.execute> | undefined;
    let watching: Promise<number[]> | undefined;
    const streamed: number[] = [];
    for await (const entry of agents.streamExecute(slow)) {
      taskId = entry.taskId;
      streamed.push(entry.sequence);
      if (entry.sequence !== 4) continue;
      await breakIt();
      executing = agents.execute(turn());
      executing.catch(() => undefined);
      watching = watched(taskId, 2);
    }
    expect(streamed).toEqual(streamed.map((_, index) => index + 1));
    expect(await watching).toEqual(streamed.slice(2));
    const { task } = await tasks.getTask({ taskId });
    expect(task?.state).toBe(TaskState.COMPLETED);
    expect(task?.attempts).toHaveLength(1);
    await mendIt();
    expect((await executing)?.state).toBe(TaskState.COMPLETED);
    for (let count = 0; count < 20; count++) {
      expect((await agents.execute(turn())).state).toBe(TaskState.COMPLETED);
    }
  }

  it("tasks run to their end, are watched, and are accepted, when its application is stopped", () =>
    goesOn(
      () => rabbit.call("rabbit", "stop"),
      () => rabbit.call("rabbit", "start"),
    ));

  it("tasks run to their end, are watched, and are accepted, when it is frozen", () =>
    goesOn(
      async () => rabbit.freeze(),
      async () => rabbit.thaw(),
    ));

  it("tasks run to their end, are watched, and are accepted, under an alarm", async () => {
    const limitDisk = (limit: string) =>
      rabbit.call("rabbit_disk_monitor", "set_disk_free_limit", `["${limit}"]`);
    await goesOn(
      async () => {
        await limitDisk("900000GB");
        await expect.poll(() => rabbit.call("rabbit_alarm", "get_alarms")).toContain("disk");
      },
      () => limitDisk("1MB"),
    );
  });
});
