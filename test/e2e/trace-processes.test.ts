/** One trace over processes and brokers, as an OTLP collector gets it. */
import { afterEach, describe, expect, it } from "vitest";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { type Observed, startObserved } from "../harness/observed.ts";
import {
  type OtlpReceiver,
  type ReceivedSpan,
  startOtlpReceiver,
} from "../harness/otlp-receiver.ts";
import { hasPostgres, sharedPostgres } from "../harness/postgres-server.ts";
import { hasRabbit, startRabbit } from "../harness/rabbitmq-server.ts";
import { dropKeys, hasRedis, newPrefix, sharedRedis } from "../harness/redis-server.ts";

const TRACE = "7".repeat(32);
const headers = { traceparent: `00-${TRACE}-${"8".repeat(16)}-01` };

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
}, 60_000);

async function redis(): Promise<Record<string, string>> {
  const server = await sharedRedis();
  const prefix = newPrefix();
  ending.push(
    () => server.stop(),
    () => dropKeys(server.url, prefix),
  );
  return { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: server.url, REDIS_KEY_PREFIX: prefix };
}

async function rabbitAndPostgres(): Promise<Record<string, string>> {
  const [rabbit, postgres] = await Promise.all([startRabbit(), sharedPostgres()]);
  ending.push(async () => {
    await Promise.all([rabbit.stop(), postgres.stop()]);
  });
  return {
    MESSAGE_QUEUE_TYPE: "rabbitmq",
    RABBITMQ_URL: rabbit.url,
    STORE_URL: await postgres.createDatabase(),
  };
}

async function start(
  backends: Record<string, string>,
  more: Record<string, string> = {},
): Promise<{ observed: Observed; receiver: OtlpReceiver }> {
  const receiver = await startOtlpReceiver();
  ending.push(() => receiver.close());
  const observed = await startObserved(
    { ...backends, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, ...more },
    1,
  );
  ending.push(() => observed.stop());
  return { observed, receiver };
}

function turn(agentId: string, configurable: Record<string, number> = {}) {
  const text = { case: "text" as const, value: "what is 6 * 7?" };
  return {
    agentId,
    sessionId: "traced",
    messages: [{ role: Role.USER, content: [{ part: text }] }],
    configurable,
    retryPolicy: { initialBackoff: { seconds: 0n, nanos: 1_000_000 } },
  };
}

/** Stops the processes, so that all has been exported. */
async function exported(observed: Observed, receiver: OtlpReceiver) {
  await observed.stop();
  return receiver.spans;
}

function ancestry(spans: readonly ReceivedSpan[], span: ReceivedSpan): string[] {
  const parent = spans.find((each) => each.spanId === span.parentSpanId);
  return parent ? [span.name, ...ancestry(spans, parent)] : [span.name];
}

describe.each([
  { name: "Redis", isAvailable: hasRedis, backends: redis },
  {
    name: "RabbitMQ and PostgreSQL",
    isAvailable: hasRabbit && hasPostgres,
    backends: rabbitAndPostgres,
  },
])("through $name", { timeout: 120_000 }, ({ isAvailable, backends }) => {
  it.skipIf(!isAvailable)(
    "a stream is one trace; retry, redrive and resume link to it",
    async () => {
      const { observed, receiver } = await start(await backends());
      for await (const _ of observed.agents.streamExecute(turn("demo"), { headers }));
      const failing = { ...turn("echo", { failAttempts: 2 }), maxAttempts: 2 };
      const { task } = await observed.tasks.submitTask(failing, { headers });
      const taskId = task?.taskId ?? "";
      const watch = async (afterSequence: number): Promise<void> => {
        for await (const _ of observed.tasks.watchTask({ taskId, afterSequence }));
      };
      await watch(0);
      await observed.tasks.redriveTasks({ taskIds: [taskId] });
      await watch(3);
      const spans = await exported(observed, receiver);

      const [gateway, worker] = observed.processes.map(({ pid }) => String(pid));
      const tool = spans.find(({ name }) => name === "execute_tool calculator");
      if (!tool) throw new Error("the tool has no span");
      expect(ancestry(spans, tool)).toEqual([
        "execute_tool calculator",
        "invoke_agent demo",
        "process agent.tasks",
        "publish agent.tasks",
        "agentlane.v1.AgentService/StreamExecute",
      ]);
      expect(tool).toMatchObject({ traceId: TRACE, resource: { "service.instance.id": worker } });
      const rpc = spans.find(({ name }) => name === "agentlane.v1.AgentService/StreamExecute");
      expect(rpc).toMatchObject({ traceId: TRACE, resource: { "service.instance.id": gateway } });

      const attempts = spans
        .filter(
          (span) =>
            span.name === "process agent.tasks" && span.attributes["agentlane.task.id"] === taskId,
        )
        .sort(
          (a, b) =>
            Number(a.attributes["agentlane.task.attempt"]) -
            Number(b.attributes["agentlane.task.attempt"]),
        );
      expect(
        attempts.map(({ links }) =>
          links.map(({ attributes }) => attributes["agentlane.link.reason"]),
        ),
      ).toEqual([[], ["retry"], ["redrive"]]);
      expect(attempts.map(({ attributes }) => attributes["agentlane.task.state"])).toEqual([
        "RETRY_WAIT",
        "FAILED",
        "COMPLETED",
      ]);
      const [first, resumed] = spans.filter(
        ({ name }) => name === "agentlane.v1.TaskService/WatchTask",
      );
      expect(first?.links).toEqual([]);
      expect(resumed?.traceId).not.toBe(TRACE);
      expect(resumed?.links).toMatchObject([
        { traceId: TRACE, attributes: { "agentlane.link.reason": "resume" } },
      ]);
      const lines = observed.lines().filter(({ task_id }) => task_id === taskId);
      expect(lines.length).toBeGreaterThanOrEqual(9);
      expect(new Set(lines.map(({ trace_id }) => trace_id))).toEqual(new Set([TRACE]));
    },
  );
});

it.skipIf(!hasRedis)(
  "what the standard variables do not sample is not exported, by any process",
  { timeout: 60_000 },
  async () => {
    const { observed, receiver } = await start(await redis(), {
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0",
    });
    await observed.agents.execute(turn("demo"));
    await observed.agents.execute(turn("demo"), { headers });
    const spans = await exported(observed, receiver);
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
    expect(spans.map(({ name }) => name)).toContain("invoke_agent demo");
  },
);
