/** Spans of model and tool calls. */
import { context, SpanKind, trace } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import { createLangGraphExecutor } from "../../src/executor/langgraph/executor.ts";
import type { Service } from "../../src/lifecycle.ts";
import { silentLogger } from "../../src/telemetry/logging.ts";
import { startTracing } from "../../src/telemetry/tracing.ts";
import { type OpenAIServer, startOpenAIServer } from "../fakes/openai-server.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../harness/otlp-receiver.ts";
import { agentOf, collect, errorOf, type TurnInit, turnOf } from "./harness.ts";

let receiver: OtlpReceiver;
let tracing: Service;
let model: OpenAIServer;

beforeEach(async () => {
  receiver = await startOtlpReceiver();
  model = await startOpenAIServer();
  vi.stubEnv("OPENAI_API_KEY", "sk-secret-canary");
  vi.stubEnv("OPENAI_BASE_URL", model.baseUrl);
  const { tracing: options } = loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint });
  const instanceId = "i1";
  tracing = startTracing(options, {
    version: "1.0.0",
    instanceId,
    logger: silentLogger,
    clock: systemClock,
  });
  await tracing.start();
});
afterEach(async () => {
  await tracing.stop();
  await receiver.close();
  await model.close();
  vi.unstubAllEnvs();
});

const agent = agentOf({
  template: "react",
  model: "openai:gpt-5-mini",
  tools: [{ type: "builtin", name: "calculator" }],
});

async function traced(init: TurnInit, options: { captureContent?: boolean } = {}) {
  const executor = createLangGraphExecutor({ clock: systemClock, ...options });
  const parent = trace.getTracer("test").startSpan("invoke_agent");
  const events = context.with(trace.setSpan(context.active(), parent), () =>
    executor.execute(turnOf(agent, init)),
  );
  const outcome = await collect(events).catch((error: unknown) => error);
  parent.end();
  await tracing.stop();
  const spans = receiver.spans.filter((span) => span.name !== "invoke_agent");
  for (const span of spans) expect(span.parentSpanId).toBe(parent.spanContext().spanId);
  return { spans, outcome };
}

const toolTurn = [
  { kind: "tools" as const, calls: [{ name: "calculator", args: { expression: "6 * 7" } }] },
  { kind: "text" as const, text: "canary answer" },
];

describe("a traced turn", () => {
  for (const streaming of [false, true]) {
    it(`has a span for each model and tool call (streaming: ${streaming})`, async () => {
      model.plan(...toolTurn);
      const { spans } = await traced({ text: "canary question", streaming });
      expect(spans.map(({ name }) => name)).toEqual([
        "chat gpt-5-mini",
        "execute_tool calculator",
        "chat gpt-5-mini",
      ]);
      const [chat, toolCall, answer] = spans;
      expect(chat).toMatchObject({
        kind: SpanKind.CLIENT + 1,
        attributes: {
          "gen_ai.operation.name": "chat",
          "gen_ai.provider.name": "openai",
          "gen_ai.request.model": "gpt-5-mini",
          "gen_ai.usage.input_tokens": 11,
          "gen_ai.usage.output_tokens": 7,
        },
      });
      expect(chat?.attributes["gen_ai.response.finish_reasons"]).toContain("tool_calls");
      expect(answer?.attributes["gen_ai.response.finish_reasons"]).toContain("stop");
      expect("gen_ai.response.time_to_first_chunk" in (answer?.attributes ?? {})).toBe(streaming);
      expect(toolCall).toMatchObject({
        kind: SpanKind.INTERNAL + 1,
        attributes: {
          "gen_ai.operation.name": "execute_tool",
          "gen_ai.tool.name": "calculator",
          "gen_ai.tool.call.id": "call_0_calculator",
        },
      });
    });
  }

  it("says nothing of prompts, answers and keys", async () => {
    model.plan(...toolTurn);
    const { spans } = await traced({ text: "canary question" });
    expect(JSON.stringify(spans)).not.toMatch(/canary|6 \* 7|tool\.call\.result/);
  });

  it("says it when asked to", async () => {
    model.plan(...toolTurn);
    const { spans } = await traced({ text: "canary question" }, { captureContent: true });
    const [chat, toolCall, answer] = spans;
    expect(chat?.attributes["gen_ai.input.messages"]).toContain("canary question");
    expect(toolCall?.attributes["gen_ai.tool.call.arguments"]).toContain("6 * 7");
    expect(toolCall?.attributes["gen_ai.tool.call.result"]).toBe("42");
    expect(answer?.attributes["gen_ai.output.messages"]).toContain("canary answer");
    expect(JSON.stringify(spans)).not.toContain("sk-secret-canary");
  });

  it("says what went wrong, by type only", async () => {
    model.plan({ kind: "error", status: 429, message: "canary quote" });
    const { spans } = await traced({ text: "hi" });
    expect(spans).toMatchObject([
      { name: "chat gpt-5-mini", attributes: { "error.type": "429" }, status: 2 },
    ]);
    expect(JSON.stringify(spans)).not.toContain("canary");
  });

  it("ends its spans when it is aborted", async () => {
    model.plan({ kind: "hang" });
    const controller = new AbortController();
    void model.requestArrived().then(() => controller.abort(new Error("enough")));
    const { spans } = await traced({ text: "hi", signal: controller.signal });
    expect(spans).toHaveLength(1);
    expect(spans[0]?.attributes["error.type"]).toBeDefined();
  });
});

it("an untraced turn makes no spans", async () => {
  const executor = createLangGraphExecutor({ clock: systemClock });
  model.plan({ kind: "text", text: "hi" }, { kind: "error", status: 500 });
  await collect(executor.execute(turnOf(agent, { text: "hi" })));
  await errorOf(executor.execute(turnOf(agent, { text: "hi" })));
  await tracing.stop();
  expect(receiver.spans).toEqual([]);
});
