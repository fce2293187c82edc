import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { createLangGraphExecutor } from "../../src/executor/langgraph/executor.ts";
import { METRICS } from "../../src/telemetry/metric-definitions.ts";
import { type CollectableMetrics, createMetrics } from "../../src/telemetry/metrics.ts";
import { type OpenAIServer, startOpenAIServer } from "../fakes/openai-server.ts";
import { counted, sumOf } from "../harness/counted.ts";
import { agentOf, collect, turnOf } from "./harness.ts";

let model: OpenAIServer;
let metrics: CollectableMetrics;

beforeEach(async () => {
  model = await startOpenAIServer();
  metrics = createMetrics(systemClock);
  vi.stubEnv("OPENAI_API_KEY", "sk-canary");
  vi.stubEnv("OPENAI_BASE_URL", model.baseUrl);
});
afterEach(async () => {
  await model.close();
  vi.unstubAllEnvs();
});

async function run(streaming: boolean): Promise<void> {
  const executor = createLangGraphExecutor({ clock: systemClock, metrics });
  const agent = agentOf({
    template: "react",
    model: "openai:gpt-5-mini",
    tools: [{ type: "builtin", name: "calculator" }],
  });
  await collect(executor.execute(turnOf(agent, { text: "hi", streaming }))).catch(() => undefined);
}

it.each([true, false])(
  "model calls, their tokens and their first pieces (streaming: %s)",
  async (streaming) => {
    model.plan(
      { kind: "tools", calls: [{ name: "calculator", args: { expression: "6 * 7" } }] },
      { kind: "text", text: "42" },
    );
    await run(streaming);
    const call = "chat openai gpt-5-mini";
    expect(await counted(metrics, METRICS.modelDuration)).toEqual({ [call]: 2 });
    expect(await counted(metrics, METRICS.timeToFirstChunk)).toEqual(
      streaming ? { [call]: 2 } : {},
    );
    expect(await counted(metrics, METRICS.tokenUsage)).toEqual({
      [`${call} input`]: 2,
      [`${call} output`]: 2,
    });
    expect(await sumOf(metrics, METRICS.tokenUsage, "input")).toBe(22);
    expect(await sumOf(metrics, METRICS.tokenUsage, "output")).toBe(14);
  },
);

it("a call that fails is counted by its type, and nothing it said is kept", async () => {
  model.plan({ kind: "error", status: 429, message: "canary quote" });
  await run(false);
  expect(await counted(metrics, METRICS.modelDuration)).toEqual({
    "chat openai gpt-5-mini 429": 1,
  });
  expect(JSON.stringify(await metrics.collect())).not.toContain("canary");
});
