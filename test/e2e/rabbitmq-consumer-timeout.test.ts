/**
 * A task that runs several times as long as the broker waits for an ack. `AGENTLANE_LONG=1` takes a
 * consumer_timeout of 60 s and a task of five minutes.
 */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { type ServingProcess, serve } from "../harness/process.ts";
import { hasRabbit, type RabbitServer, startRabbit } from "../harness/rabbitmq-server.ts";
import { hasRedis, type RedisServer, startRedis } from "../harness/redis-server.ts";

const TIMEOUT_MS = process.env.AGENTLANE_LONG === "1" ? 60_000 : 2000;
const TASK_MS = 5 * TIMEOUT_MS;
const TOKENS = 50;

test.skipIf(!hasRabbit || !hasRedis)(
  `a task of ${TASK_MS / 1000} s is delivered once with a consumer_timeout of ${TIMEOUT_MS / 1000} s`,
  async () => {
    let rabbit: RabbitServer | undefined;
    let redis: RedisServer | undefined;
    let serving: ServingProcess | undefined;
    try {
      rabbit = await startRabbit({
        settings: [`{consumer_timeout, ${TIMEOUT_MS}}`, "{channel_tick_interval, 500}"],
      });
      redis = await startRedis({ aof: true });
      const environment = { MESSAGE_QUEUE_TYPE: "rabbitmq", RABBITMQ_URL: rabbit.url };
      serving = await serve([], { ...environment, STORE_URL: redis.url });
      const transport = createGrpcTransport({ baseUrl: `http://${serving.address}` });
      const text = { part: { case: "text" as const, value: "hello again" } };
      const startedAt = performance.now();
      const { taskId, state } = await createClient(AgentService, transport).execute({
        agentId: "echo",
        sessionId: "s1",
        messages: [{ role: Role.USER, content: [text] }],
        configurable: { tokens: TOKENS, delayMs: TASK_MS / TOKENS },
        timeout: { seconds: BigInt(TASK_MS / 500), nanos: 0 },
      });
      expect(state).toBe(TaskState.COMPLETED);
      const { task } = await createClient(TaskService, transport).getTask({ taskId });
      expect(task?.attempts).toHaveLength(1);
      expect(performance.now() - startedAt).toBeGreaterThan(3 * TIMEOUT_MS);
      expect(serving.output()).not.toContain("lost");
    } finally {
      serving?.kill("SIGTERM");
      await serving?.exited;
      await rabbit?.stop();
      await redis?.stop();
    }
  },
  TASK_MS + 120_000,
);
