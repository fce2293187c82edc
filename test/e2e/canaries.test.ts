/** Secrets planted everywhere: in nothing that the program writes are they found again. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OpenAIServer, startOpenAIServer } from "../fakes/openai-server.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../harness/otlp-receiver.ts";
import { run, type ServingProcess, serve } from "../harness/process.ts";
import { hasRedis, type RedisServer, startRedis } from "../harness/redis-server.ts";

/** One for each place, so that a find says where it came from. */
const CANARY = {
  prompt: "canary-prompt-5f1d8a",
  environment: "canary-environment-93be21",
  providerKey: "canary-provider-c07712",
  collector: "canary-collector-2ba9f4",
  redis: "canary-redis-61d0aa",
  mcpHeader: "canary-mcpheader-b1744e",
  mcpUrl: "canary-mcpurl-77aa02",
  authorization: "canary-authorization-e81f06",
  apiKey: "canary-apikey-40cc9d",
  cookie: "canary-cookie-8d3e55",
  metadata: "canary-metadata-f2260b",
  tool: "canary-tool-09ab17",
} as const;

const EXECUTE = "/agentlane.v1.AgentService/Execute";

let folder: string;
let model: OpenAIServer;
let collector: OtlpReceiver;
let redis: RedisServer | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-canaries-"));
  model = await startOpenAIServer();
  collector = await startOtlpReceiver();
  redis = hasRedis ? await startRedis({ password: CANARY.redis }) : undefined;
});
afterEach(async () => {
  await redis?.stop();
  await collector.close();
  await model.close();
  rmSync(folder, { recursive: true, force: true });
});

function agentsFile(): string {
  const graph = (name: string) => ({
    template: "graph",
    graph: `./agents.ts:${name}`,
    maxAttempts: 1,
  });
  const chat = { template: "chat", model: "openai:gpt-5-mini", maxAttempts: 1 };
  const mcp = {
    type: "mcp",
    name: "gone",
    url: `http://user:${CANARY.mcpUrl}@127.0.0.1:1/mcp?token=${CANARY.mcpUrl}`,
    headers: { authorization: `Bearer ${CANARY.mcpHeader}` },
  };
  const agents = {
    echo: { template: "echo" },
    demo: { template: "demo" },
    chat,
    unreachable: { ...chat, template: "react", tools: [mcp] },
    failing: graph("failing"),
    stray: graph("stray"),
    crashing: graph("crashing"),
  };
  symlinkSync(resolve(import.meta.dirname, "canary-agents/agents.ts"), join(folder, "agents.ts"));
  const file = join(folder, "agentlane.json");
  writeFileSync(file, JSON.stringify({ agents }));
  return file;
}

function environment(): Record<string, string> {
  return {
    AGENTS: agentsFile(),
    LOG_LEVEL: "debug",
    CANARY_API_KEY: CANARY.environment,
    OPENAI_API_KEY: CANARY.providerKey,
    OPENAI_BASE_URL: model.baseUrl,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: `x-collector=${CANARY.collector}`,
    OTEL_BSP_SCHEDULE_DELAY: "50",
    ...(redis ? { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: redis.url } : {}),
  };
}

async function post(server: ServingProcess, path: string, body: unknown): Promise<string> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`http://${server.address}${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${CANARY.authorization}`,
      "x-api-key": CANARY.apiKey,
      cookie: `session=${CANARY.cookie}`,
    },
    body: text,
  }).catch(() => undefined);
  return (await response?.text().catch(() => "")) ?? "";
}

function turn(agent_id: string, more: object = {}): object {
  return {
    agent_id,
    session_id: "canaries",
    messages: [{ role: "ROLE_USER", content: [{ text: CANARY.prompt }] }],
    metadata: { note: CANARY.metadata },
    ...more,
  };
}

/** The names of those found in a text. */
function found(text: string, but: readonly (keyof typeof CANARY)[] = []): string[] {
  return Object.entries(CANARY)
    .filter(([name, secret]) => !but.some((other) => other === name) && text.includes(secret))
    .map(([name]) => name);
}

test("what succeeds and what fails tells no secret", async () => {
  const server = await serve([], environment());
  model.plan(
    { kind: "text", text: "fine" },
    { kind: "error", status: 401, message: `Incorrect API key provided: ${CANARY.providerKey}.` },
    { kind: "error", status: 400, message: `bad request with key ${CANARY.providerKey}` },
    { kind: "reset" },
    { kind: "broken", tokens: 2 },
    { kind: "page" },
  );
  const answers: string[] = [];
  // The caller's own words come back to it; those of other places do not.
  const own = ["prompt", "metadata"] as const;
  answers.push(await post(server, EXECUTE, turn("echo")));
  expect(answers[0]).toContain(CANARY.prompt);
  answers.push(
    await post(
      server,
      EXECUTE,
      turn("demo", {
        messages: [{ role: "ROLE_USER", content: [{ text: `remember: ${CANARY.tool}` }] }],
      }),
    ),
  );
  for (let call = 0; call < 6; call++)
    answers.push(await post(server, EXECUTE, turn("chat", { session_id: `c${call}` })));
  for (const agent of ["unreachable", "failing", "stray", "nobody"]) {
    answers.push(await post(server, EXECUTE, turn(agent)));
  }
  answers.push(await post(server, EXECUTE, turn("echo", { session_id: `#${CANARY.prompt}` })));
  answers.push(
    await post(server, EXECUTE, turn("echo", { input: { lc: 1, type: "x", key: CANARY.prompt } })),
  );
  answers.push(await post(server, EXECUTE, `{"agent_id":"echo","messages":[${CANARY.prompt}`));
  answers.push(
    await post(server, `/v1/chat/completions`, {
      model: "echo",
      messages: [{ role: "user", content: CANARY.prompt }],
    }),
  );
  answers.push(
    await post(server, `/v1/chat/completions`, {
      model: "failing",
      stream: true,
      messages: [{ role: "user", content: CANARY.prompt }],
    }),
  );
  answers.push(await post(server, `/nowhere?key=${CANARY.apiKey}`, "{}"));
  const deadLetters = await post(server, "/agentlane.v1.TaskService/ListDeadLetters", {});
  expect(deadLetters).toContain("failing");
  answers.push(deadLetters);
  for (const answer of answers) expect(found(answer, [...own, "tool"])).toEqual([]);
  await server.prints("unhandled rejection");

  const config = await run(["config"], environment2(folder));
  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);
  expect(found(server.output())).toEqual([]);
  expect(collector.spans.length).toBeGreaterThan(10);
  expect(found(JSON.stringify(collector.spans))).toEqual([]);
  expect(found(config.output + config.errors)).toEqual([]);
});

/** The same without the agents file, whose folder has its link already. */
function environment2(home: string): Record<string, string> {
  return {
    AGENTS: join(home, "agentlane.json"),
    OPENAI_API_KEY: CANARY.providerKey,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://user:${CANARY.collector}@127.0.0.1:4318`,
    OTEL_EXPORTER_OTLP_HEADERS: `x-collector=${CANARY.collector}`,
    REDIS_URL: `redis://:${CANARY.redis}@127.0.0.1:6379`,
    STORE_URL: `postgres://agentlane:${CANARY.redis}@127.0.0.1/agentlane`,
    RABBITMQ_URL: `amqp://user:${CANARY.redis}@127.0.0.1`,
  };
}

test("a crash tells no secret", async () => {
  const server = await serve([], environment());
  await post(server, EXECUTE, turn("crashing"));
  expect(await server.exited).toBe(1);
  expect(server.output()).toContain("uncaught exception");
  expect(found(server.output())).toEqual([]);
});

test.each([
  ["Redis", { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: `redis://user:${CANARY.redis}@127.0.0.1:1` }],
  ["PostgreSQL", { STORE_URL: `postgres://agentlane:${CANARY.redis}@127.0.0.1:1/agentlane` }],
  ["an impossible URL", { REDIS_URL: `redis//:${CANARY.redis}@127.0.0.1:1` }],
])("a start that fails tells no secret (%s)", async (_, variables) => {
  const { code, output, errors } = await run(["serve"], {
    PORT: "0",
    LOG_LEVEL: "debug",
    ...variables,
  });
  expect(code).not.toBe(0);
  expect(output + errors).not.toBe("");
  expect(found(output + errors)).toEqual([]);
});

test("an agents file that is no JSON is not quoted", async () => {
  const file = join(folder, "agentlane.json");
  writeFileSync(file, `{"agents":{"a":{"key":${CANARY.environment}}}}`);
  const { code, output, errors } = await run(["serve"], { PORT: "0", AGENTS: file });
  expect(code).toBe(1);
  expect(output + errors).toContain("is not JSON");
  expect(found(output + errors)).toEqual([]);
  expect(output + errors).not.toContain("canary");
});
