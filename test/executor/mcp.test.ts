/** Tools of MCP servers: a real one over stdio, and over streamable HTTP. */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { AgentDefinition } from "../../src/executor/agent-definition.ts";
import type { FrameworkExecutor } from "../../src/executor/contract.ts";
import { createLangGraphExecutor } from "../../src/executor/langgraph/executor.ts";
import { type HttpMcpServer, startHttpMcpServer } from "../fakes/mcp-server.ts";
import { type OpenAIServer, startOpenAIServer } from "../fakes/openai-server.ts";
import { agentOf, collect, errorOf, turnOf } from "./harness.ts";

const serverFile = resolve(import.meta.dirname, "../fakes/mcp-server.ts");

let executor: FrameworkExecutor;
let model: OpenAIServer;
let http: HttpMcpServer;

beforeEach(async () => {
  model = await startOpenAIServer();
  http = await startHttpMcpServer();
  vi.stubEnv("OPENAI_API_KEY", "sk-test");
  vi.stubEnv("OPENAI_BASE_URL", model.baseUrl);
  executor = createLangGraphExecutor({ clock: systemClock });
  await executor.start();
});
afterEach(async () => {
  await executor.stop();
  vi.unstubAllEnvs();
  await http.close();
  await model.close();
});

function agentWith(...tools: Record<string, unknown>[]): AgentDefinition {
  return agentOf({ template: "react", model: "openai:gpt-5-mini", tools });
}

const stdio = (): Record<string, unknown> => ({
  type: "mcp",
  name: "fake",
  command: process.execPath,
  args: [serverFile],
  env: { GREETING: "hello" },
});
const streamable = (): Record<string, unknown> => ({
  type: "mcp",
  name: "fake",
  url: http.url,
  headers: { "x-test": "yes" },
});

function call(name: string, args: Record<string, unknown>) {
  return { kind: "tools" as const, calls: [{ name, args }] };
}

describe.each([
  ["stdio", stdio],
  ["streamable HTTP", streamable],
])("an MCP server over %s", (transport, reference) => {
  it("lends its tools to the agent", async () => {
    const { tools } = await executor.describe(agentWith(reference()));
    expect(tools.map(({ name }) => name)).toEqual(["shout", "environment", "fail", "hang"]);
    expect(tools[0]).toMatchObject({
      description: "Says it louder",
      inputSchema: { type: "object", properties: { text: { type: "string" } } },
    });
  });

  it("runs a tool", async () => {
    model.plan(call("shout", { text: "hey" }), { kind: "text", text: "done" });
    const { events } = await collect(
      executor.execute(turnOf(agentWith(reference()), { text: "shout" })),
    );
    const finished = events.find((kind) => kind.case === "toolCallFinished");
    expect(finished?.value).toMatchObject({ name: "shout", result: { text: "HEY!" } });
  });

  it("passes a tool's failure on to the model", async () => {
    model.plan(call("fail", {}), { kind: "text", text: "pity" });
    const turn = turnOf(agentWith(reference()), { text: "go" });
    const { answer, events } = await collect(executor.execute(turn));
    expect(answer).toBe("pity");
    const finished = events.find((kind) => kind.case === "toolCallFinished");
    expect(finished?.value).toMatchObject({ result: { isError: true } });
    expect(String(model.requests[1]?.body.messages.at(-1)?.content)).toContain(
      "the server says no",
    );
  });

  it("is left alone when the turn is aborted", async () => {
    model.plan(call("hang", {}));
    const controller = new AbortController();
    const turn = turnOf(agentWith(reference()), { text: "go", signal: controller.signal });
    const events = executor.execute(turn);
    const failed = (async () => {
      for await (const event of events) {
        if (event.type === "event" && event.kind.case === "toolCallStarted") controller.abort();
      }
    })();
    await expect(failed).rejects.toMatchObject({ kind: "canceled" });
  });

  it(`is let go by stop (${transport})`, async () => {
    await executor.describe(agentWith(reference()));
    if (transport === "stdio") expect(children()).toHaveLength(1);
    else expect(http.openSessions.size).toBe(1);
    await executor.stop();
    if (transport === "stdio") await vi.waitFor(() => expect(children()).toEqual([]));
    else await vi.waitFor(() => expect(http.openSessions.size).toBe(0));
  });
});

it("is started again for the next turn when its process has died", async () => {
  const agent = agentWith(stdio());
  await executor.describe(agent);
  const [child] = children();
  process.kill(child ?? expect.fail());
  // On a busy machine the new process alone takes longer than the second that waitFor grants.
  await vi.waitFor(
    async () => {
      await executor.describe(agent);
      expect(children()).toHaveLength(1);
      expect(children()).not.toContain(child);
    },
    { timeout: 20_000 },
  );
  model.plan(call("shout", { text: "hey" }), { kind: "text", text: "done" });
  const { events } = await collect(executor.execute(turnOf(agent, { text: "go" })));
  const finished = events.find((kind) => kind.case === "toolCallFinished");
  expect(finished?.value).toMatchObject({ result: { text: "HEY!" } });
});

it("gets the environment and the headers of its definition", async () => {
  model.plan(call("environment", { name: "GREETING" }), { kind: "text", text: "done" });
  const turn = turnOf(agentWith(stdio()), { text: "go" });
  const { events } = await collect(executor.execute(turn));
  const finished = events.find((kind) => kind.case === "toolCallFinished");
  expect(finished?.value).toMatchObject({ result: { text: "hello" } });
  await executor.describe(agentWith(streamable()));
  expect([...http.headers]).toEqual(["yes"]);
});

it("that cannot be reached makes the agent unusable for now", async () => {
  const agent = agentWith({ type: "mcp", name: "gone", url: "http://127.0.0.1:1/mcp" });
  expect(await executor.validate(agent)).toMatchObject([
    { field: "tools[0]", message: expect.stringContaining("the MCP server cannot be used") },
  ]);
  expect(await errorOf(executor.execute(turnOf(agent, { text: "hi" })))).toMatchObject({
    kind: "unavailable",
    reason: "AGENT_UNAVAILABLE",
    retryable: true,
  });
});

it("may not lend two tools of one name", async () => {
  const agent = agentWith(streamable(), { ...streamable(), name: "again" });
  expect(await executor.validate(agent)).toMatchObject([
    { field: "tools", message: 'two tools are named "shout"' },
  ]);
  await vi.waitFor(() => expect(http.openSessions.size).toBe(0));
});

/** Process ids of the stdio servers. */
function children(): number[] {
  const listed = execFileSync("ps", ["--ppid", String(process.pid), "-o", "pid=,args="], {
    encoding: "utf8",
  });
  return listed
    .split("\n")
    .filter((line) => line.includes("mcp-server.ts"))
    .map((line) => Number.parseInt(line, 10));
}
