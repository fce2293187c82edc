/** Processes of their own on one PostgreSQL: spread over a Redis queue, and one alone. */
import { toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { TaskEventSchema, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { hasPostgres, type PostgresServer, sharedPostgres } from "../harness/postgres-server.ts";
import { type ServingProcess, serve } from "../harness/process.ts";
import { dropKeys, hasRedis, newPrefix, sharedRedis } from "../harness/redis-server.ts";

const LEASES = { LEASE_DURATION: "2", LEASE_RENEW_INTERVAL: "0.5" };

describe.runIf(hasPostgres)("on PostgreSQL", () => {
  let postgres: Pick<PostgresServer, "createDatabase" | "stop">;
  let served: ServingProcess[] = [];
  beforeAll(async () => {
    postgres = await sharedPostgres();
  });
  afterEach(() => end(served));
  afterAll(() => postgres.stop());

  async function start(environment: Record<string, string>) {
    const process = await serve([], { ...LEASES, ...environment });
    served.push(process);
    const transport = createGrpcTransport({ baseUrl: `http://${process.address}` });
    return {
      process,
      agents: createClient(AgentService, transport),
      tasks: createClient(TaskService, transport),
      sessions: createClient(SessionService, transport),
      operations: createClient(OperationsService, transport),
    };
  }

  async function end(processes: readonly ServingProcess[]): Promise<void> {
    served = served.filter((process) => !processes.includes(process));
    for (const process of processes) process.kill("SIGKILL");
    await Promise.all(processes.map((process) => process.exited));
  }

  function turn(sessionId: string, configurable: Record<string, number> = {}) {
    const text = { part: { case: "text" as const, value: "hello again and again" } };
    return {
      agentId: "echo",
      sessionId,
      messages: [{ role: Role.USER, content: [text] }],
      configurable,
      retryPolicy: { initialBackoff: { seconds: 0n, nanos: 10_000_000 } },
    };
  }

  describe("one process with a queue in memory", () => {
    it("goes on with its sessions and its unfinished tasks after it was killed", async () => {
      const STORE_URL = await postgres.createDatabase();
      const first = await start({ STORE_URL });
      expect(first.process.output()).not.toContain("Everything is in memory");
      await first.agents.execute(turn("s1"));
      const slow = { ...turn("s1", { tokens: 50, delayMs: 20 }), idempotencyKey: "k1" };
      const { task: running } = await first.tasks.submitTask(slow);
      const { task: waiting } = await first.tasks.submitTask(turn("s1"));
      for await (const { event } of first.tasks.watchTask({ taskId: running?.taskId ?? "" })) {
        if (event?.kind.case === "stateChange" && event.kind.value.state === TaskState.RUNNING)
          break;
      }
      await end([first.process]);

      const second = await start({ STORE_URL });
      const { task: again } = await second.tasks.submitTask(slow);
      expect(again?.taskId).toBe(running?.taskId);
      for await (const _ of second.tasks.watchTask({ taskId: waiting?.taskId ?? "" }));
      const { task } = await second.tasks.getTask({ taskId: running?.taskId ?? "" });
      expect(task).toMatchObject({ state: TaskState.COMPLETED, consumedAttempts: 2 });
      const { result } = await second.agents.execute(turn("s1"));
      expect(result?.sessionVersion).toBe(4n);
      const { context } = await second.sessions.getSession({ agentId: "echo", sessionId: "s1" });
      expect(context?.history).toHaveLength(8);
    }, 60_000);
  });

  describe.runIf(hasRedis)("a gateway and two workers with a queue in Redis", () => {
    const prefix = newPrefix();
    let redis: Awaited<ReturnType<typeof sharedRedis>>;
    beforeAll(async () => {
      redis = await sharedRedis();
    });
    afterAll(async () => {
      await dropKeys(redis.url, prefix);
      await redis.stop();
    });

    async function startAll() {
      const shared = {
        MESSAGE_QUEUE_TYPE: "redis",
        REDIS_URL: redis.url,
        REDIS_KEY_PREFIX: prefix,
        STORE_URL: await postgres.createDatabase(),
      };
      const [gateway, ...workers] = await Promise.all([
        start({ ...shared, TASK_MANAGER_ENABLED: "false" }),
        start(shared),
        start(shared),
      ]);
      return { gateway, workers };
    }

    it("run a session's turns in order, and show a stream alike in every process", async () => {
      const { gateway, workers } = await startAll();
      const all = [gateway, ...workers];
      const turns = Array.from({ length: 12 }, (_, index) => {
        return all[index % all.length]?.agents.execute(turn("s1"));
      });
      const versions = (await Promise.all(turns)).map((reply) => {
        return Number(reply?.result?.sessionVersion);
      });
      expect(versions.sort((one, other) => one - other)).toEqual(
        Array.from({ length: 12 }, (_, index) => index + 1),
      );

      const slow = turn("s2", { tokens: 30, delayMs: 20 });
      const { task } = await gateway.tasks.submitTask(slow);
      const seen = await Promise.all(
        all.map(async ({ tasks }) => {
          const entries: string[] = [];
          for await (const { sequence, event } of tasks.watchTask({ taskId: task?.taskId ?? "" })) {
            if (!event) continue;
            const bytes = Buffer.from(toBinary(TaskEventSchema, event)).toString("hex");
            entries.push(`${sequence} ${bytes}`);
          }
          return entries;
        }),
      );
      expect(seen[1]).toEqual(seen[0]);
      expect(seen[2]).toEqual(seen[0]);
    }, 60_000);

    it("run a killed worker's task again elsewhere, the stream going on", async () => {
      const { gateway, workers } = await startAll();
      const sequences: number[] = [];
      let id = "";
      let last: TaskState | undefined;
      for await (const reply of gateway.agents.streamExecute(
        turn("s1", { tokens: 60, delayMs: 30 }),
      )) {
        id = reply.taskId;
        if (reply.event?.kind.case === "stateChange") last = reply.event.kind.value.state;
        sequences.push(reply.sequence);
        if (reply.sequence !== 8) continue;
        const { task } = await gateway.tasks.getTask({ taskId: id });
        const { workers: listed } = await gateway.operations.listWorkers({});
        const workerId = task?.attempts.at(-1)?.workerId;
        const host = listed.find((each) => each.workerId === workerId)?.host ?? "";
        await end(
          workers.map((each) => each.process).filter(({ pid }) => host.endsWith(`:${pid}`)),
        );
      }
      expect(last).toBe(TaskState.COMPLETED);
      expect(sequences).toEqual(sequences.map((_, index) => index + 1));
      const { task } = await gateway.tasks.getTask({ taskId: id });
      expect(task?.consumedAttempts).toBe(2);
    }, 60_000);
  });
});
