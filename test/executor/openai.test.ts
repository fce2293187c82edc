/** The chat and react templates against a server that speaks OpenAI's protocol. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { AgentDefinition } from "../../src/executor/agent-definition.ts";
import { createLangGraphExecutor } from "../../src/executor/langgraph/executor.ts";
import { type OpenAIServer, startOpenAIServer } from "../fakes/openai-server.ts";
import { agentOf, casesOf, collect, conversation, errorOf, textOf, turnOf } from "./harness.ts";

let server: OpenAIServer;
const executor = createLangGraphExecutor({ clock: systemClock });

beforeEach(async () => {
  server = await startOpenAIServer();
  vi.stubEnv("OPENAI_API_KEY", "sk-test");
  vi.stubEnv("OPENAI_BASE_URL", server.baseUrl);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

function chat(extra: Record<string, unknown> = {}): AgentDefinition {
  return agentOf({ template: "chat", model: "openai:gpt-5-mini", ...extra });
}

function react(extra: Record<string, unknown> = {}): AgentDefinition {
  const tools = [{ type: "builtin", name: "calculator" }];
  return agentOf({ template: "react", model: "openai:gpt-5-mini", tools, ...extra });
}

describe("chat", () => {
  for (const streaming of [false, true]) {
    it(`answers, with usage and the system prompt (streaming: ${streaming})`, async () => {
      server.plan({ kind: "text", text: "Hello, I am a model." });
      const agent = chat({ systemPrompt: "Be brief." });
      const turn = turnOf(agent, { text: "Who are you?", streaming });
      const { answer, streamed, outcome } = await collect(executor.execute(turn));
      expect(answer).toBe("Hello, I am a model.");
      expect(streamed).toBe(streaming ? answer : "");
      expect(outcome.finishReason).toBe("stop");
      expect(outcome.usage).toMatchObject({ inputTokens: 11, outputTokens: 7, totalTokens: 18 });
      const [request] = server.requests;
      expect(request?.authorization).toBe("Bearer sk-test");
      expect(request?.body.model).toBe("gpt-5-mini");
      expect(request?.body.stream === true).toBe(streaming);
      expect(request?.body.messages.map(({ role }) => role)).toEqual(["developer", "user"]);
    });
  }

  it("sends the history along", async () => {
    const session = conversation(executor, chat());
    server.plan({ kind: "text", text: "one" }, { kind: "text", text: "two" });
    await session.say("first");
    await session.say("second");
    expect(server.requests[1]?.body.messages.map(({ content }) => content)).toEqual([
      "first",
      "one",
      "second",
    ]);
  });

  it("sends pictures and files in OpenAI's form", async () => {
    server.plan({ kind: "text", text: "a cat" });
    const turn = turnOf(chat(), { text: "what is this?" });
    const bytes = new Uint8Array([1, 2, 3]);
    turn.messages[0]?.content.push(
      {
        $typeName: "agentlane.v1.ContentPart",
        part: {
          case: "image",
          value: {
            $typeName: "agentlane.v1.Image",
            source: { case: "data", value: bytes },
            mediaType: "image/png",
            detail: "low",
          },
        },
      },
      {
        $typeName: "agentlane.v1.ContentPart",
        part: {
          case: "file",
          value: {
            $typeName: "agentlane.v1.File",
            source: { case: "data", value: bytes },
            mediaType: "application/pdf",
            name: "paper.pdf",
          },
        },
      },
    );
    await collect(executor.execute(turn));
    expect(server.requests[0]?.body.messages[0]?.content).toEqual([
      { type: "text", text: "what is this?" },
      { type: "image_url", image_url: { url: "data:image/png;base64,AQID", detail: "low" } },
      {
        type: "file",
        file: { file_data: "data:application/pdf;base64,AQID", filename: "paper.pdf" },
      },
    ]);
  });

  it("reports cached and reasoning tokens", async () => {
    server.plan({
      kind: "text",
      text: "hm",
      usage: {
        prompt_tokens: 100,
        completion_tokens: 50,
        total_tokens: 150,
        prompt_tokens_details: { cached_tokens: 64 },
        completion_tokens_details: { reasoning_tokens: 32 },
      },
    });
    const { outcome } = await collect(executor.execute(turnOf(chat(), { text: "hi" })));
    expect(outcome.usage).toMatchObject({ cachedInputTokens: 64, reasoningTokens: 32 });
  });

  it("takes the address from the definition before the environment's", async () => {
    vi.stubEnv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1");
    server.plan({ kind: "text", text: "here" });
    const agent = chat({ modelOptions: { baseUrl: server.baseUrl, temperature: 0.5 } });
    const { answer } = await collect(executor.execute(turnOf(agent, { text: "hi" })));
    expect(answer).toBe("here");
    expect(server.requests[0]?.body).toMatchObject({ temperature: 0.5 });
  });

  it("lets no request choose the model", async () => {
    server.plan({ kind: "text", text: "ok" });
    const configurable = { model: "gpt-expensive", baseUrl: "http://127.0.0.1:1", apiKey: "x" };
    await collect(executor.execute(turnOf(chat(), { text: "hi", configurable })));
    expect(server.requests[0]?.body.model).toBe("gpt-5-mini");
    expect(server.requests[0]?.authorization).toBe("Bearer sk-test");
  });
});

describe("react", () => {
  for (const streaming of [false, true]) {
    it(`calls tools and goes on (streaming: ${streaming})`, async () => {
      server.plan(
        { kind: "tools", calls: [{ name: "calculator", args: { expression: "12 * 34" } }] },
        { kind: "text", text: "It is 408." },
      );
      const turn = turnOf(react(), { text: "12 * 34?", streaming });
      const { answer, events, outcome } = await collect(executor.execute(turn));
      expect(answer).toBe("It is 408.");
      expect(outcome.messages).toHaveLength(3);
      expect(outcome.usage).toMatchObject({ inputTokens: 22, outputTokens: 14 });
      const started = events.find((kind) => kind.case === "toolCallStarted");
      expect(started?.value).toMatchObject({
        call: {
          id: "call_0_calculator",
          name: "calculator",
          arguments: { expression: "12 * 34" },
        },
      });
      const finished = events.find((kind) => kind.case === "toolCallFinished");
      expect(finished?.value).toMatchObject({
        name: "calculator",
        result: { toolCallId: "call_0_calculator", text: "408", isError: false },
      });
      expect(server.requests[0]?.body.tools).toHaveLength(1);
      expect(server.requests[1]?.body.messages.map(({ role }) => role)).toEqual([
        "user",
        "assistant",
        "tool",
      ]);
    });
  }

  it("streams a tool call in pieces that add up", async () => {
    server.plan(
      {
        kind: "tools",
        calls: [
          { name: "calculator", args: { expression: "1 + 1" } },
          { name: "calculator", args: { expression: "2 + 2" } },
        ],
      },
      { kind: "text", text: "done" },
    );
    const turn = turnOf(react(), { text: "two sums", streaming: true });
    const { events } = await collect(executor.execute(turn));
    const calls = new Map<number, { id: string; name: string; arguments: string }>();
    for (const kind of events) {
      if (kind.case !== "chunk") continue;
      for (const piece of kind.value.choices[0]?.delta?.toolCalls ?? []) {
        const call = calls.get(piece.index) ?? { id: "", name: "", arguments: "" };
        calls.set(piece.index, {
          id: call.id + piece.id,
          name: call.name + (piece.function?.name ?? ""),
          arguments: call.arguments + (piece.function?.arguments ?? ""),
        });
      }
    }
    expect([...calls.values()].map((call) => JSON.parse(call.arguments))).toEqual([
      { expression: "1 + 1" },
      { expression: "2 + 2" },
    ]);
    expect(calls.get(1)).toMatchObject({ id: "call_1_calculator", name: "calculator" });
    expect(casesOf(events).filter((each) => each === "toolCallStarted")).toHaveLength(2);
  });

  it("tells the model of a call that it got wrong", async () => {
    server.plan(
      { kind: "tools", calls: [{ name: "calculator", args: { wrong: true } }] },
      { kind: "tools", calls: [{ name: "no_such_tool", args: {} }] },
      { kind: "text", text: "sorry" },
    );
    const { answer } = await collect(executor.execute(turnOf(react(), { text: "go" })));
    expect(answer).toBe("sorry");
    expect(String(server.requests[1]?.body.messages[2]?.content)).toMatch(/error/i);
    expect(String(server.requests[2]?.body.messages[4]?.content)).toMatch(/no_such_tool/);
  });
});

describe("an endpoint that gives every answer the same id", () => {
  const id = "chatcmpl-const";

  for (const streaming of [false, true]) {
    it(`has none of its answers lost (streaming: ${streaming})`, async () => {
      const session = conversation(executor, chat());
      server.plan({ kind: "text", text: "one", id }, { kind: "text", text: "two", id });
      await session.say("first", { streaming });
      const { answer, streamed, outcome, events } = await session.say("second", { streaming });
      expect(answer).toBe("two");
      expect(streamed).toBe(streaming ? "two" : "");
      expect(session.context.history.map(textOf)).toEqual(["first", "one", "second", "two"]);
      const ids = session.context.history.map((message) => message.id);
      expect(new Set(ids).size).toBe(4);
      const told = events.flatMap(({ case: kind, value }) =>
        kind === "chunk" || kind === "message" ? [value.id] : [],
      );
      expect(new Set(told)).toEqual(new Set([outcome.messages[0]?.id]));
    });

    it(`goes on after a tool call (streaming: ${streaming})`, async () => {
      const session = conversation(executor, react());
      for (const text of ["It is 2.", "It is 2 again."]) {
        const calls = [{ name: "calculator", args: { expression: "1 + 1" } }];
        server.plan({ kind: "tools", calls, id }, { kind: "text", text, id });
        const { answer, outcome } = await session.say("1 + 1?", { streaming });
        expect(answer).toBe(text);
        expect(outcome.messages).toHaveLength(3);
      }
      expect(session.context.history).toHaveLength(8);
      expect(server.requests[3]?.body.messages).toHaveLength(7);
    });

    it(`serves a project's graph too, however it calls the model (streaming: ${streaming})`, async () => {
      const graph = "./project/model-graphs.ts:";
      for (const name of ["invoking", "readingStream"]) {
        const agent = agentOf({
          template: "graph",
          baseDir: import.meta.dirname,
          graph: graph + name,
        });
        const session = conversation(executor, agent);
        server.plan({ kind: "text", text: "one", id }, { kind: "text", text: "two words", id });
        await session.say("first", { streaming });
        expect((await session.say("second", { streaming })).answer).toBe("two words");
        expect(session.context.history.map(textOf)).toEqual([
          "first",
          "one",
          "second",
          "two words",
        ]);
      }
    });
  }
});

describe("failures of the provider", () => {
  const failing = async (
    answer: Parameters<OpenAIServer["plan"]>[0],
    streaming: boolean,
  ): Promise<unknown> => {
    server.plan(answer);
    const error = await errorOf(executor.execute(turnOf(chat(), { text: "hi", streaming })));
    // The task retries; the provider's client must not.
    expect(server.requests).toHaveLength(1);
    return error;
  };

  for (const streaming of [false, true]) {
    describe(`streaming: ${streaming}`, () => {
      it("429 is retryable, after the time the provider names", async () => {
        const headers = { "retry-after": "7" };
        expect(await failing({ kind: "error", status: 429, headers }, streaming)).toMatchObject({
          kind: "resource_exhausted",
          reason: "MODEL_RATE_LIMITED",
          retryable: true,
          retryAfterMs: 7000,
        });
      });

      it("429 for want of credit is not", async () => {
        const answer = { kind: "error" as const, status: 429, code: "insufficient_quota" };
        expect(await failing(answer, streaming)).toMatchObject({
          reason: "MODEL_QUOTA_EXHAUSTED",
          retryable: false,
        });
      });

      it("500 is retryable", async () => {
        expect(await failing({ kind: "error", status: 500 }, streaming)).toMatchObject({
          kind: "unavailable",
          reason: "MODEL_UNAVAILABLE",
          retryable: true,
        });
      });

      it.each([
        "Incorrect API key provided: sk-proj-abcdef1234567890.",
        "Incorrect API key provided: sk-te*****st.",
        "the header was Authorization: Bearer abcdef1234567890",
        "you sent plain-secret-of-the-environment",
        "you sent plain-secret-of-the-options",
      ])("tells no credential: %s", async (message) => {
        server.plan({ kind: "error", status: 401, message });
        const environment = { SOME_API_KEY: "plain-secret-of-the-environment", HOME: "/home/user" };
        const careful = createLangGraphExecutor({ clock: systemClock, environment });
        const agent = chat({ modelOptions: { apiKey: "plain-secret-of-the-options" } });
        const error = await errorOf(careful.execute(turnOf(agent, { text: "hi", streaming })));
        expect(error).toMatchObject({ message: expect.stringContaining("[redacted]") });
        expect(String(error)).not.toMatch(/sk-|abcdef|plain-secret/);
      });

      it("a web page instead of an answer is retryable, and named", async () => {
        expect(await failing({ kind: "page" }, streaming)).toMatchObject({
          kind: "unavailable",
          reason: "MODEL_UNAVAILABLE",
          retryable: true,
          message: expect.stringContaining("base URL"),
        });
      });

      it("a reset connection is retryable", async () => {
        expect(await failing({ kind: "reset" }, streaming)).toMatchObject({
          kind: "unavailable",
          retryable: true,
        });
      });

      it.each([
        [400, "MODEL_REFUSED_REQUEST"],
        [401, "MODEL_UNAUTHENTICATED"],
        [403, "MODEL_PERMISSION_DENIED"],
        [404, "MODEL_NOT_FOUND"],
      ])("%d is not", async (status, reason) => {
        const error = await failing({ kind: "error", status, message: "because" }, streaming);
        expect(error).toMatchObject({
          kind: "failed_precondition",
          reason,
          retryable: false,
          message: expect.stringContaining("because"),
        });
      });
    });
  }

  it("a stream that breaks in the middle is retryable", async () => {
    expect(await failing({ kind: "broken", tokens: 3 }, true)).toMatchObject({
      kind: "unavailable",
      reason: "MODEL_UNREACHABLE",
      retryable: true,
    });
  });

  for (const streaming of [false, true]) {
    it(`a hang ends with the abort, and the connection with it (streaming: ${streaming})`, async () => {
      server.plan({ kind: "hang", tokens: 2 });
      const controller = new AbortController();
      void server.requestArrived().then(() => controller.abort(new Error("enough")));
      const turn = turnOf(chat(), { text: "hi", streaming, signal: controller.signal });
      expect(await errorOf(executor.execute(turn))).toMatchObject({ kind: "canceled" });
      await server.clientGone;
    });
  }
});

describe("models that cannot be had", () => {
  it.each([
    [{ template: "chat" }, "model", /template chat needs it/],
    [{ template: "chat", model: "anthropic:claude" }, "model", /install @langchain\/anthropic/],
    [{ template: "chat", model: "nobody:knows" }, "model", /nobody/],
  ])("are named by validate: %j", async (definition, field, message) => {
    const [problem] = await executor.validate(agentOf(definition));
    expect(problem).toMatchObject({ field, message: expect.stringMatching(message) });
  });

  it("include those without a key", async () => {
    vi.stubEnv("OPENAI_API_KEY", undefined);
    const [problem] = await executor.validate(chat());
    expect(problem).toMatchObject({
      field: "model",
      message: expect.stringMatching(/OPENAI_API_KEY/),
    });
  });
});
