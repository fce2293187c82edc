/** The official clients, npm's and PyPI's, and LangChain's see what they expect of OpenAI. */
import { create } from "@bufbuild/protobuf";
import { ChatOpenAI } from "@langchain/openai";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { MessageSchema, Role } from "../../gen/agentlane/v1/content_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../../src/errors.ts";
import {
  assistantMessage,
  chunk,
  outcome,
  textOf,
  untilAborted,
} from "../fakes/scripted-executor.ts";
import { NOTHING_LEFT } from "../harness/program.ts";
import { pythonWithOpenAI } from "../harness/python-openai.ts";
import { echo, type OpenAIProgram, startOpenAI, type Turns } from "./openai-harness.ts";

const turns: Turns = {
  echo,
  memory: async function* (turn) {
    const known = [...turn.context.history, ...turn.messages].map((each) => textOf([each]));
    yield outcome({ messages: [assistantMessage(`${turn.taskId}-a`, known.join("|"))] });
  },
  sum: async function* (turn) {
    const call = { id: "c1", name: "calculator", arguments: { expression: "1 + 2" } };
    const asked = create(MessageSchema, {
      id: `${turn.taskId}-a`,
      role: Role.ASSISTANT,
      content: [{ part: { case: "toolCall", value: call } }],
    });
    const text = JSON.stringify({ sum: 3, format: turn.configurable?.response_format });
    yield outcome({ messages: [asked, assistantMessage(`${turn.taskId}-b`, text)] });
  },
  slow: async function* (turn) {
    yield chunk("m1", "wait for it");
    await untilAborted(turn.signal);
  },
  half: async function* () {
    yield chunk("m1", "half an");
    throw failing("internal");
  },
  limited: () => {
    throw failing("resource_exhausted");
  },
  down: () => {
    throw failing("unavailable");
  },
};

function failing(kind: "internal" | "resource_exhausted" | "unavailable"): AgentlaneError {
  return new AgentlaneError(kind, "WHY", "because", { retryable: false });
}

let program: OpenAIProgram;
beforeAll(async () => {
  program = await startOpenAI(turns);
});
afterAll(async () => {
  expect(await program.stop()).toEqual(NOTHING_LEFT);
});

const outcomeSchema = z.object({ aborted: z.string() }).loose();

/** What every official client is to report; `aborted` is the id of a task that it left. */
async function expectAll(reported: unknown): Promise<void> {
  const { aborted, ...rest } = outcomeSchema.parse(reported);
  expect(rest).toEqual({
    models: ["down", "echo", "half", "limited", "memory", "slow", "sum"],
    model: "echo",
    content: "grüß 👋 dich",
    finishReason: "stop",
    totalTokens: 18,
    hasRequestId: true,
    streamed: ["grüß 👋 dich", 18],
    helper: ["grüß 👋 dich", 18],
    parsed: [3, "json_schema"],
    toolCalls: ["calculator"],
    finalToolCalls: ["calculator"],
    session: ["one", "one|one|two"],
    errors: [
      ["NotFoundError", "model_not_found", "model"],
      ["BadRequestError", "invalid_field", "n"],
      ["RateLimitError", "why", null],
      ["InternalServerError", "why", null],
      ["APIError", "why", null],
    ],
  });
  expect(await program.endOf(aborted)).toBe(TaskState.CANCELED);
}

const extended = z.object({
  agentlane: z.object({
    tool_calls: z.array(z.object({ function: z.object({ name: z.string() }) })),
  }),
});

/** Of the part of a reply that only we have. */
function toolsOf(reply: unknown): string[] {
  return extended.parse(reply).agentlane.tool_calls.map((call) => call.function.name);
}

const user = (content: string) => [{ role: "user" as const, content }];

test("npm openai", async () => {
  const client = new OpenAI({ baseURL: program.v1, apiKey: "unused", maxRetries: 0 });
  const { completions } = client.chat;
  const say = async (content: string) => {
    const options = { headers: { "x-session-id": "npm" } };
    const reply = await completions.create({ model: "memory", messages: user(content) }, options);
    return reply.choices[0]?.message.content;
  };
  const errorOf = async (model: string, more: { n?: number; stream?: true } = {}) => {
    try {
      const reply = await completions.create({ model, messages: user("hi"), ...more });
      if ("controller" in reply) for await (const _ of reply);
    } catch (error) {
      if (!(error instanceof OpenAI.APIError)) throw error;
      return [error.constructor.name, error.code, error.param];
    }
    return undefined;
  };
  const streamed = async () => {
    let [text, total] = ["", 0];
    const options = { stream: true, stream_options: { include_usage: true } } as const;
    const request = { model: "echo", messages: user("grüß 👋 dich"), ...options };
    for await (const { choices, usage } of await completions.create(request)) {
      text += choices[0]?.delta.content ?? "";
      total = usage?.total_tokens ?? total;
    }
    return [text, total];
  };
  const helper = async () => {
    const stream = completions.stream({
      model: "echo",
      messages: user("grüß 👋 dich"),
      stream_options: { include_usage: true },
    });
    return [await stream.finalContent(), (await stream.totalUsage()).total_tokens];
  };
  const format = z.object({ sum: z.number(), format: z.object({ type: z.string() }).loose() });
  const sum = { model: "sum", messages: user("1 + 2") };
  const schema = { name: "sum", schema: z.toJSONSchema(format), strict: true };
  const parsed = await completions.parse({
    ...sum,
    response_format: { type: "json_schema", json_schema: schema },
  });
  const answer = format.parse(JSON.parse(parsed.choices[0]?.message.content ?? ""));
  const lastOf = async () => {
    let last: unknown;
    for await (const each of await completions.create({ ...sum, stream: true })) last = each;
    return last;
  };
  const aborted = async () => {
    const request = { model: "slow", messages: user("hi"), stream: true } as const;
    for await (const { id } of await completions.create(request)) {
      return id.replace("chatcmpl-", "");
    }
    return "";
  };
  const whole = await completions.create({
    model: "echo",
    messages: user("grüß 👋 dich"),
    temperature: 0.5,
  });
  await expectAll({
    models: (await client.models.list()).data.map(({ id }) => id),
    model: (await client.models.retrieve("echo")).id,
    content: whole.choices[0]?.message.content,
    finishReason: whole.choices[0]?.finish_reason,
    totalTokens: whole.usage?.total_tokens,
    hasRequestId: whole.id === `chatcmpl-${whole._request_id}`,
    streamed: await streamed(),
    helper: await helper(),
    parsed: [answer.sum, answer.format.type],
    toolCalls: toolsOf(parsed),
    finalToolCalls: toolsOf(await lastOf()),
    session: [await say("one"), await say("two")],
    errors: [
      await errorOf("nobody"),
      await errorOf("echo", { n: 2 }),
      await errorOf("limited"),
      await errorOf("down"),
      await errorOf("half", { stream: true }),
    ],
    aborted: await aborted(),
  });
});

test("npm openai does not repeat what has failed here after all its attempts", async () => {
  const client = new OpenAI({ baseURL: program.v1, apiKey: "unused" });
  const before = program.executor.turns.length;
  const call = client.chat.completions.create({ model: "down", messages: user("hi") });
  await expect(call).rejects.toThrow("503 because");
  expect(program.executor.turns.length - before).toBe(1);
});

test("PyPI openai", async ({ skip }) => {
  const python = await pythonWithOpenAI();
  if (!python) return skip();
  const script = new URL("openai_client.py", import.meta.url).pathname;
  await expectAll(JSON.parse(await python(script, program.v1, "pypi")));
}, 120_000);

describe("LangChain's ChatOpenAI", () => {
  const model = (name: string, defaultHeaders: Record<string, string> = {}) =>
    new ChatOpenAI({
      model: name,
      apiKey: "unused",
      maxRetries: 0,
      configuration: { baseURL: program.v1, defaultHeaders },
    });

  test("answers and counts tokens", async () => {
    const answer = await model("echo").invoke("grüß 👋 dich");
    expect(answer.content).toBe("grüß 👋 dich");
    expect(answer.usage_metadata).toMatchObject({ input_tokens: 11, output_tokens: 7 });
    expect(answer.tool_calls).toEqual([]);
  });

  test("streams", async () => {
    const pieces: unknown[] = [];
    for await (const { content } of await model("echo").stream("one two three")) {
      if (content !== "") pieces.push(content);
    }
    expect(pieces).toEqual(["one", " two", " three"]);
  });

  test("has structured output, and no tools to run", async () => {
    const schema = { title: "sum", type: "object", properties: { sum: { type: "number" } } };
    const structured = model("sum").withStructuredOutput(schema, {
      method: "jsonSchema",
      includeRaw: true,
    });
    const { raw, parsed } = await structured.invoke("1 + 2");
    expect(parsed).toMatchObject({ sum: 3, format: { type: "json_schema" } });
    expect(raw).toMatchObject({ tool_calls: [] });
  });

  test("keeps a session", async () => {
    const agent = model("memory", { "x-session-id": "langchain" });
    await agent.invoke("one");
    expect((await agent.invoke("two")).content).toBe("one|one|two");
  });

  test("throws the client's errors", async () => {
    await expect(model("nobody").invoke("hi")).rejects.toThrow(/nobody/);
  });
});
