import { trace } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import type { Service } from "../../src/lifecycle.ts";
import { silentLogger } from "../../src/telemetry/logging.ts";
import { startTracing } from "../../src/telemetry/tracing.ts";
import { agent, scriptedExecutor } from "../fakes/scripted-executor.ts";
import {
  type OtlpReceiver,
  type ReceivedSpan,
  startOtlpReceiver,
} from "../harness/otlp-receiver.ts";
import { NOTHING_LEFT, type Program, startProgram } from "../harness/program.ts";

const CANARY = "canary-4711-in-the-prompt 6 * 7";
const CLIENT_TRACE = "1".repeat(32);
const CLIENT_SPAN = "2".repeat(16);
const headers = { traceparent: `00-${CLIENT_TRACE}-${CLIENT_SPAN}-01` };
const turn = {
  agentId: "demo",
  sessionId: "traced",
  messages: [{ role: Role.USER, content: [{ part: { case: "text" as const, value: CANARY } }] }],
};

let receiver: OtlpReceiver;
let tracing: Service;
let program: Program | undefined;

beforeEach(async () => {
  receiver = await startOtlpReceiver();
  tracing = startTracing(loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint }).tracing, {
    version: "1",
    instanceId: "1",
    logger: silentLogger,
    clock: systemClock,
  });
  await tracing.start();
});

afterEach(async () => {
  if (program) expect(await program.stop()).toEqual(NOTHING_LEFT);
  program = undefined;
  await tracing.stop();
  await receiver.close();
});

/** Ends the program and tracing, so that every span has been exported. */
async function exported(): Promise<readonly ReceivedSpan[]> {
  await program?.stop();
  program = undefined;
  await tracing.stop();
  return receiver.spans;
}

function named(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.find((span) => span.name === name);
  if (!found) throw new Error(`no span ${name} among ${spans.map((span) => span.name).join(", ")}`);
  return found;
}

/** Names from the span up to the root. */
function ancestry(spans: readonly ReceivedSpan[], span: ReceivedSpan): string[] {
  const parent = spans.find((each) => each.spanId === span.parentSpanId);
  return parent ? [span.name, ...ancestry(spans, parent)] : [span.name];
}

describe.each(["Execute", "StreamExecute"] as const)("%s", (method) => {
  it("is one trace from the client's call to the tool and the model", async () => {
    program = await startProgram();
    if (method === "Execute") await program.agents.execute(turn, { headers });
    else for await (const _ of program.agents.streamExecute(turn, { headers }));
    const spans = await exported();

    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([CLIENT_TRACE]));
    const rpc = named(spans, `agentlane.v1.AgentService/${method}`);
    expect(rpc).toMatchObject({ kind: 2, parentSpanId: CLIENT_SPAN });
    expect(rpc.attributes).toMatchObject({
      "rpc.system.name": "grpc",
      "rpc.method": `agentlane.v1.AgentService/${method}`,
      "rpc.status_code": "OK",
    });
    const chain = [
      "invoke_agent demo",
      "process agent.tasks",
      "publish agent.tasks",
      `agentlane.v1.AgentService/${method}`,
    ];
    const tool = named(spans, "execute_tool calculator");
    expect(ancestry(spans, tool)).toEqual([tool.name, ...chain]);
    expect(tool.attributes["gen_ai.tool.name"]).toBe("calculator");
    const chats = spans.filter((span) => span.name.startsWith("chat "));
    expect(chats).toHaveLength(2);
    for (const chat of chats) expect(ancestry(spans, chat)).toEqual([chat.name, ...chain]);
    expect(chats[0]?.attributes).toMatchObject({ "gen_ai.operation.name": "chat" });
    expect(chats[0]?.attributes["gen_ai.usage.output_tokens"]).toBeGreaterThan(0);

    const publish = named(spans, "publish agent.tasks");
    const process = named(spans, "process agent.tasks");
    expect(publish).toMatchObject({ kind: 4 });
    expect(publish.attributes).toMatchObject({
      "messaging.system.name": "memory",
      "messaging.operation.type": "send",
    });
    expect(process).toMatchObject({ kind: 5 });
    expect(process.attributes).toMatchObject({
      "agentlane.task.attempt": 1,
      "agentlane.task.state": "COMPLETED",
      "messaging.operation.type": "process",
    });
    expect(process.attributes["agentlane.queue.wait_ms"]).toBeGreaterThanOrEqual(0);
    expect(process.events.map((event) => event.name)).toEqual(["agentlane.claimed"]);
    expect(rpc.durationMs).toBeGreaterThanOrEqual(process.durationMs * 0.5);
    expect(process.durationMs).toBeGreaterThan(0);
  });

  it("keeps the content of prompts and answers out of the spans", async () => {
    program = await startProgram();
    if (method === "Execute") await program.agents.execute(turn);
    else for await (const _ of program.agents.streamExecute(turn));
    const text = JSON.stringify(await exported());
    expect(text).not.toContain("canary-4711");
    expect(text).not.toContain("6 * 7");
  });
});

it("shows content when that is asked for", async () => {
  program = await startProgram({}, { OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "true" });
  await program.agents.execute(turn);
  expect(JSON.stringify(await exported())).toContain("canary-4711");
});

it("a retry is a second process span of the same trace that links to the first", async () => {
  let attempts = 0;
  const executor = scriptedExecutor(async () => {
    if (++attempts === 1) throw new Error("boom");
    return {};
  });
  program = await startProgram({ executors: [executor], agents: [agent({ id: "demo" })] });
  await program.agents.execute(
    { ...turn, retryPolicy: { initialBackoff: { seconds: 0n, nanos: 1_000_000 } } },
    { headers },
  );
  const spans = await exported();
  const processes = spans.filter((span) => span.name === "process agent.tasks");
  const [first, second] = processes.sort(
    (a, b) =>
      Number(a.attributes["agentlane.task.attempt"]) -
      Number(b.attributes["agentlane.task.attempt"]),
  );
  expect(processes).toHaveLength(2);
  expect(first).toMatchObject({ traceId: CLIENT_TRACE, status: 2, links: [] });
  expect(first?.attributes).toMatchObject({
    "error.type": "AGENT_ERROR",
    "agentlane.task.state": "RETRY_WAIT",
  });
  expect(second).toMatchObject({ traceId: CLIENT_TRACE, status: 0 });
  expect(second?.links).toEqual([
    {
      traceId: CLIENT_TRACE,
      spanId: first?.spanId,
      attributes: { "agentlane.link.reason": "retry" },
    },
  ]);
});

it("nothing is registered and nothing is recorded when tracing is off", async () => {
  await tracing.stop();
  expect(trace.getTracer("any").startSpan("x").isRecording()).toBe(false);
  program = await startProgram();
  const { taskId } = await program.agents.execute(turn);
  const { task } = await program.tasks.getTask({ taskId });
  expect(task?.traceId).toBe("");
  expect(receiver.spans).toEqual([]);
});
