/** OpenAI's protocol over sockets, with the whole program behind it. */
import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { ContentPartSchema, Role } from "../../gen/agentlane/v1/content_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../../src/errors.ts";
import type { Turn, TurnEvent } from "../../src/executor/contract.ts";
import {
  assistantMessage,
  chunk,
  messageEvent,
  outcome,
  question,
  textOf,
  untilAborted,
} from "../fakes/scripted-executor.ts";
import { NOTHING_LEFT } from "../harness/program.ts";
import {
  completion,
  echo,
  failure,
  type OpenAIProgram,
  startOpenAI,
  streamed,
  type Turns,
  user,
} from "./openai-harness.ts";

let program: OpenAIProgram;

async function start(turns: Turns = { echo }, environment: Record<string, string> = {}) {
  program = await startOpenAI(turns, {}, environment);
}

afterEach(async () => {
  expect(await program.stop()).toEqual(NOTHING_LEFT);
});

const hello = { model: "echo", messages: [user("hello wörld 👋")] };

/** Answers with all the conversation that it knows of. */
async function* memory(turn: Turn): AsyncGenerator<TurnEvent> {
  const known = [...turn.context.history, ...turn.messages].map((each) => textOf([each]));
  yield outcome({ messages: [assistantMessage(`${turn.taskId}-a`, known.join("|"))] });
}

async function contentOf(reply: Promise<Response>): Promise<string | null | undefined> {
  return (await completion(await reply)).choices[0]?.message?.content;
}

test("a completion", async () => {
  await start();
  const response = await program.chat(hello);
  const taskId = response.headers.get("x-request-id");
  expect(response.status).toBe(200);
  expect(await completion(response)).toEqual({
    id: `chatcmpl-${taskId}`,
    object: "chat.completion",
    created: expect.any(Number),
    model: "echo",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "hello wörld 👋", refusal: null },
        finish_reason: "stop",
      },
    ],
    usage: {
      prompt_tokens: 11,
      completion_tokens: 7,
      total_tokens: 18,
      prompt_tokens_details: { cached_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 2 },
    },
  });
  expect(program.executor.turns[0]).toMatchObject({ taskId, streaming: false });
});

test("a stream: role first, text in pieces, the reason, then [DONE]", async () => {
  await start();
  const response = await program.chat({ ...hello, stream: true });
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const taskId = response.headers.get("x-request-id");
  const { chunks, text, done } = await streamed(response);
  expect({ text, done }).toEqual({ text: "hello wörld 👋", done: true });
  expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set([`chatcmpl-${taskId}`]));
  expect(new Set(chunks.map(({ object }) => object))).toEqual(new Set(["chat.completion.chunk"]));
  expect(chunks.map(({ choices }) => choices[0]?.delta?.role)).toEqual([
    "assistant",
    ...chunks.slice(1).map(() => undefined),
  ]);
  expect(chunks.map(({ choices }) => choices[0]?.finish_reason)).toEqual([
    ...chunks.slice(1).map(() => null),
    "stop",
  ]);
  expect(chunks.every((each) => !("usage" in each))).toBe(true);
});

test("stream_options.include_usage adds a last chunk with usage and no choice", async () => {
  await start();
  const options = { stream: true, stream_options: { include_usage: true } };
  const { chunks } = await streamed(await program.chat({ ...hello, ...options }));
  expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 18 } });
});

describe("models", () => {
  test("are the agents", async () => {
    await start({ echo, memory });
    const list = await (await fetch(`${program.v1}/models`)).json();
    const model = { object: "model", created: 0, owned_by: "agentlane" };
    expect(list).toEqual({
      object: "list",
      data: [
        { id: "echo", ...model },
        { id: "memory", ...model },
      ],
    });
    const one = await fetch(`${program.v1}/models/echo`);
    expect(await one.json()).toEqual({ id: "echo", ...model });
  });

  test.each(["nobody", "__proto__", "%E0%A4%A", "a%2Fb"])("%s is none", async (id) => {
    await start();
    expect(await failure(await fetch(`${program.v1}/models/${id}`))).toMatchObject({
      status: 404,
      type: "invalid_request_error",
      param: "model",
      code: "model_not_found",
    });
  });
});

describe("a session", () => {
  test.each([
    ["the header", { user: "b", metadata: { session_id: "c" } }, { "x-session-id": "s1" }],
    ["metadata", { user: "b", metadata: { session_id: "s1" } }, {}],
    ["user", { user: "s1", metadata: { topic: "x" } }, {}],
  ])("is named by %s", async (_, fields, headers) => {
    await start();
    await program.chat({ ...hello, ...fields }, headers);
    expect(program.executor.turns[0]?.context.sessionId).toBe("s1");
    expect(Object.keys(program.executor.turns[0]?.metadata ?? {})).not.toContain("session_id");
  });

  test("remembers, and takes only what follows the last answer", async () => {
    await start({ memory });
    const say = (...messages: object[]) =>
      contentOf(program.chat({ model: "memory", messages }, { "x-session-id": "s1" }));
    expect(await say(user("one"))).toBe("one");
    const answer = { role: "assistant", content: "one" };
    expect(await say(user("one"), answer, user("two"), user("three"))).toBe("one|one|two|three");
    expect(await say(user("four"))).toBe("one|one|two|three|one|one|two|three|four");
  });

  test("none: the whole conversation is the turn", async () => {
    await start({ memory });
    const messages = [user("one"), { role: "assistant", content: "1" }, user("two")];
    expect(await contentOf(program.chat({ model: "memory", messages }))).toBe("one|1|two");
    expect(await contentOf(program.chat({ model: "memory", messages: [user("x")] }))).toBe("x");
  });

  test("an empty header says: none, whatever user says", async () => {
    await start();
    await program.chat({ ...hello, user: "alice@example.com" }, { "x-session-id": "" });
    expect(program.executor.turns[0]?.context.sessionId).toBe("");
  });

  test.each([
    ["x-session-id", {}, { "x-session-id": "a b" }],
    ["metadata.session_id", { metadata: { session_id: "a#b" } }, {}],
    ["user", { user: "alice@example.com" }, {}],
  ])("whose id is none is refused: %s", async (param, fields, headers) => {
    await start();
    const refused = await failure(await program.chat({ ...hello, ...fields }, headers));
    expect(refused).toMatchObject({ status: 400, param, code: "invalid_field" });
  });
});

test("parameters of the model reach the graph as configurable, labels as metadata", async () => {
  await start();
  const settings = {
    temperature: 0.5,
    top_p: 1,
    max_tokens: 10,
    max_completion_tokens: 20,
    stop: ["a", "b"],
    seed: 7,
    response_format: { type: "json_schema", json_schema: { name: "x", schema: {} } },
  };
  const ignored = { logprobs: true, store: false, unheard_of: [1], tools: [], n: 1, top_k: null };
  await program.chat({ ...hello, ...settings, ...ignored, metadata: { topic: "weather" } });
  expect(program.executor.turns[0]?.configurable).toEqual(settings);
  expect(program.executor.turns[0]?.metadata).toMatchObject({ topic: "weather" });
});

test.each(['{"lc":1,"type":"constructor"}', '{"schema":{"__proto__":{}}}'])(
  "a response_format that no graph should see is refused: %s",
  async (format) => {
    await start();
    const body = JSON.stringify(hello).replace("{", `{"response_format":${format},`);
    expect(await failure(await program.chat(body))).toMatchObject({
      status: 400,
      param: "response_format",
    });
  },
);

test("parts of content and earlier tool calls become the contract's", async () => {
  await start();
  const png = "data:image/png;base64,AQID";
  const messages = [
    user("question"),
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
    },
    { role: "tool", tool_call_id: "c1", content: "42" },
    { role: "assistant", content: "" },
    user([
      { type: "text", text: "look" },
      { type: "image_url", image_url: { url: png, detail: "low" } },
      { type: "image_url", image_url: { url: "https://example.com/a.png" } },
      { type: "file", file: { file_data: "data:application/pdf;base64,AQID", filename: "a.pdf" } },
      { type: "file", file: { file_id: "file-1" } },
    ]),
  ];
  expect((await program.chat({ model: "echo", messages })).status).toBe(200);
  const bytes = Buffer.from([1, 2, 3]);
  const given = program.executor.turns[0]?.messages ?? [];
  expect(given.map(({ role }) => role)).toEqual([Role.USER, Role.ASSISTANT, Role.TOOL, Role.USER]);
  expect(given.slice(1).map(({ content }) => content.map(({ part }) => part))).toMatchObject([
    [{ case: "toolCall", value: { id: "c1", name: "f", arguments: { a: 1 } } }],
    [{ case: "toolResult", value: { toolCallId: "c1", text: "42" } }],
    [
      { case: "text", value: "look" },
      {
        case: "image",
        value: { source: { value: bytes }, mediaType: "image/png", detail: "low" },
      },
      { case: "image", value: { source: { case: "url", value: "https://example.com/a.png" } } },
      {
        case: "file",
        value: { source: { value: bytes }, mediaType: "application/pdf", name: "a.pdf" },
      },
      { case: "file", value: { source: { case: "fileId", value: "file-1" } } },
    ],
  ]);
});

describe("what an agent does on its way", () => {
  async function* tools(turn: Turn): AsyncGenerator<TurnEvent> {
    const call = chunk("m1", "Let me see.");
    if (call.type === "event" && call.kind.case === "chunk") {
      call.kind.value.choices[0]?.delta?.toolCalls.push({
        $typeName: "agentlane.v1.ChatCompletionToolCall",
        index: 0,
        id: "c1",
        type: "function",
      });
    }
    const first = assistantMessage("m1", "Let me see.");
    const value = { id: "c1", name: "calculator", arguments: { expression: "12 * 34" } };
    first.content.push(create(ContentPartSchema, { part: { case: "toolCall", value } }));
    const last = assistantMessage("m2", "It is 408.");
    if (turn.streaming)
      yield* [call, messageEvent(first), chunk("m2", "It is "), chunk("m2", "408.")];
    yield outcome({ messages: [first, last], finishReason: "tool_calls" });
  }

  test("its tool calls are shown, and are not the client's", async () => {
    await start({ tools });
    const body = { model: "tools", messages: [user("12 * 34")] };
    const called = { name: "calculator", arguments: '{"expression":"12 * 34"}' };
    const shown = { agentlane: { tool_calls: [{ id: "c1", type: "function", function: called }] } };
    const whole = await completion(await program.chat(body));
    expect(whole).toMatchObject(shown);
    expect(whole.choices[0]).toMatchObject({
      message: { content: "It is 408." },
      finish_reason: "stop",
    });
    expect(whole.choices[0]?.message).not.toHaveProperty("tool_calls");
    const response = await program.chat({ ...body, stream: true });
    const { text, finishReason, chunks } = await streamed(response);
    expect(text).toBe("Let me see.\n\nIt is 408.");
    expect(finishReason).toBe("stop");
    expect(chunks.at(-1)).toMatchObject(shown);
    expect(JSON.stringify(chunks.map((each) => each.choices))).not.toContain("tool_calls");
  });

  test("an agent without messages answers with its state", async () => {
    await start({
      state: async function* () {
        yield outcome({ state: { sum: 3 } });
      },
    });
    const body = { model: "state", messages: [user("1 + 2")] };
    expect(await contentOf(program.chat(body))).toBe('{"sum":3}');
    expect((await streamed(await program.chat({ ...body, stream: true }))).text).toBe('{"sum":3}');
  });
});

describe("an interrupt", () => {
  async function* ask(turn: Turn): AsyncGenerator<TurnEvent> {
    const checkpoint = new Uint8Array([1]);
    if (turn.resume === undefined) {
      yield outcome({ interrupts: [question("q1", "Really?")], checkpoint });
    } else yield outcome({ messages: [assistantMessage("m9", `You said ${turn.resume}.`)] });
  }

  test("is the answer; the session's next message answers it", async () => {
    await start({ ask });
    const say = (text: string) =>
      program.chat({ model: "ask", messages: [user(text)] }, { "x-session-id": "s1" });
    expect(await completion(await say("delete all"))).toMatchObject({
      choices: [{ message: { content: "Really?" }, finish_reason: "stop" }],
      agentlane: { state: "INPUT_REQUIRED", interrupts: [{ id: "q1", value: "Really?" }] },
    });
    expect(await contentOf(say("yes"))).toBe("You said yes.");
  });

  test("in a stream", async () => {
    await start({ ask });
    const body = { model: "ask", stream: true, messages: [user("go")] };
    const { text, finishReason, chunks } = await streamed(await program.chat(body));
    expect({ text, finishReason }).toEqual({ text: "Really?", finishReason: "stop" });
    expect(chunks.at(-1)).toMatchObject({ agentlane: { state: "INPUT_REQUIRED" } });
  });
});

describe("a failure", () => {
  const broken = new AgentlaneError("unavailable", "MODEL_DOWN", "the model is down");

  test("of an attempt that has said nothing is not seen", async () => {
    await start({
      flaky: async function* (turn) {
        if (turn.attempt === 1) throw broken;
        yield* echo(turn);
      },
    });
    const body = { model: "flaky", messages: [user("hi")] };
    expect(await contentOf(program.chat(body))).toBe("hi");
    expect(await streamed(await program.chat({ ...body, stream: true }))).toMatchObject({
      text: "hi",
      done: true,
    });
  });

  test("of an attempt that has said something ends the stream and the task", async () => {
    const heard = Promise.withResolvers<void>();
    await start({
      flaky: async function* (turn) {
        yield chunk("m1", `attempt ${turn.attempt}`);
        if (turn.attempt > 1) await untilAborted(turn.signal);
        await heard.promise;
        throw broken;
      },
    });
    const response = await program.chat({ model: "flaky", stream: true, messages: [user("hi")] });
    const reading = streamed(response);
    heard.resolve();
    expect(await reading).toMatchObject({
      text: "attempt 1",
      error: { type: "server_error", code: "output_void" },
      done: false,
    });
    const taskId = response.headers.get("x-request-id") ?? "";
    expect(await program.endOf(taskId)).toBe(TaskState.CANCELED);
  });

  test("before anything is said has its status; repeating would not help", async () => {
    await start({
      down: () => {
        throw broken;
      },
    });
    for (const stream of [false, true]) {
      const response = await program.chat({ model: "down", stream, messages: [user("hi")] });
      expect(response.headers.get("x-should-retry")).toBe("false");
      expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
      expect(await failure(response)).toEqual({
        status: 503,
        message: "the model is down",
        type: "server_error",
        param: null,
        code: "model_down",
      });
    }
  });

  test("in the middle of a stream is its last event", async () => {
    const fatal = new AgentlaneError("internal", "AGENT_BUG", "it broke", { retryable: false });
    await start({
      half: async function* () {
        yield chunk("m1", "half an");
        throw fatal;
      },
    });
    const response = await program.chat({ model: "half", stream: true, messages: [user("hi")] });
    expect(await streamed(response)).toMatchObject({
      text: "half an",
      error: { message: "it broke", type: "server_error", code: "agent_bug" },
      done: false,
    });
  });

  test.each([
    ["unavailable", 503, "server_error"],
    ["resource_exhausted", 429, "rate_limit_error"],
    ["invalid_argument", 400, "invalid_request_error"],
    ["failed_precondition", 409, "invalid_request_error"],
    ["deadline_exceeded", 504, "server_error"],
    ["permission_denied", 500, "server_error"],
    ["not_found", 500, "server_error"],
  ] as const)("of the agent: %s is %i", async (kind, status, type) => {
    await start({
      failing: () => {
        throw new AgentlaneError(kind, "WHY", "because", { retryable: false });
      },
    });
    const response = await program.chat({ model: "failing", messages: [user("hi")] });
    expect(await failure(response)).toMatchObject({ status, type, code: "why" });
  });
});

describe("an idempotency key", () => {
  const key = { "idempotency-key": "k1" };

  test("finds the same task, streamed or not", async () => {
    await start();
    const first = await completion(await program.chat(hello, key));
    expect((await completion(await program.chat(hello, key))).id).toBe(first.id);
    const again = await streamed(await program.chat({ ...hello, stream: true }, key));
    expect(again).toMatchObject({ text: "hello wörld 👋", finishReason: "stop", done: true });
    expect(again.chunks[0]?.id).toBe(first.id);
    expect(program.executor.turns).toHaveLength(1);
  });

  test("with another request is a conflict that stays one", async () => {
    await start();
    await program.chat(hello, key);
    const response = await program.chat({ ...hello, messages: [user("other")] }, key);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(await failure(response)).toMatchObject({ status: 409 });
  });
});

describe("a client that goes away", () => {
  async function* slow(turn: Turn): AsyncGenerator<TurnEvent> {
    yield chunk("m1", "wait for it");
    await untilAborted(turn.signal);
  }

  test.each([true, false])("cancels the task (stream: %s)", async (stream) => {
    const running = Promise.withResolvers<Turn>();
    await start({
      slow: (turn) => {
        running.resolve(turn);
        return slow(turn);
      },
    });
    const abort = new AbortController();
    const call = fetch(`${program.v1}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "slow", stream, messages: [user("hi")] }),
      signal: abort.signal,
    });
    const { taskId } = await running.promise;
    if (stream) await (await call).body?.getReader().read();
    abort.abort();
    await call.catch(() => undefined);
    expect(await program.endOf(taskId)).toBe(TaskState.CANCELED);
  });

  test("a timeout fails the task and is 504", async () => {
    await start({ slow });
    const body = { model: "slow", messages: [user("hi")] };
    const response = await program.chat(body, { "x-timeout-ms": "300" });
    expect(await failure(response)).toMatchObject({ status: 504, code: "deadline_exceeded" });
    const late = await program.chat(body, { "x-timeout-ms": "soon" });
    expect(await failure(late)).toMatchObject({ status: 400, code: "invalid_timeout" });
  });
});
