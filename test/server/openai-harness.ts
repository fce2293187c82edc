/** The whole program with scripted agents, called by OpenAI's protocol. */
import { create } from "@bufbuild/protobuf";
import { z } from "zod";
import { UsageSchema } from "../../gen/agentlane/v1/content_pb.js";
import type { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Turn, TurnEvent } from "../../src/executor/contract.ts";
import type { Overrides } from "../../src/runtime.ts";
import {
  agent,
  assistantMessage,
  chunk,
  outcome,
  type ScriptedExecutor,
  scriptedExecutor,
  textOf,
} from "../fakes/scripted-executor.ts";
import { type Program, startProgram } from "../harness/program.ts";

export interface OpenAIProgram extends Program {
  readonly executor: ScriptedExecutor;
  /** `http://127.0.0.1:port/v1` */
  readonly v1: string;
  /** POST /v1/chat/completions */
  chat(body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Waits for the task to become terminal. */
  endOf(taskId: string): Promise<TaskState | undefined>;
}

export type Turns = Readonly<Record<string, (turn: Turn) => AsyncIterable<TurnEvent>>>;

/** One agent per script, by its id; two attempts, the second at once. */
export async function startOpenAI(
  turns: Turns = { echo },
  overrides: Overrides = {},
  environment: Record<string, string> = {},
): Promise<OpenAIProgram> {
  const executor = scriptedExecutor((turn) => (turns[turn.agent.id] ?? echo)(turn));
  const retry = { initialBackoffMs: 1, maxBackoffMs: 1 };
  const agents = Object.keys(turns).map((id) => agent({ id, maxAttempts: 2, retry }));
  const program = await startProgram({ executors: [executor], agents, ...overrides }, environment);
  const v1 = `${program.baseUrl}/v1`;
  return {
    ...program,
    executor,
    v1,
    chat: (body, headers = {}) => postChat(v1, body, headers),
    async endOf(taskId) {
      for await (const _ of program.tasks.watchTask({ taskId }));
      return (await program.tasks.getTask({ taskId })).task?.state;
    },
  };
}

export function postChat(
  v1: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${v1}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

export function user(content: unknown): object {
  return { role: "user", content };
}

/** Answers with the input's text, word by word. */
export async function* echo(turn: Turn): AsyncGenerator<TurnEvent> {
  const text = textOf(turn.messages.slice(-1));
  const id = `${turn.taskId}-answer`;
  if (turn.streaming) {
    for (const piece of text.match(/\s*\S+/g) ?? []) yield chunk(id, piece);
  }
  const usage = create(UsageSchema, {
    inputTokens: 11,
    outputTokens: 7,
    totalTokens: 18,
    cachedInputTokens: 3,
    reasoningTokens: 2,
  });
  yield outcome({ messages: [assistantMessage(id, text)], usage });
}

const choiceSchema = z.object({
  index: z.literal(0),
  message: z.looseObject({ role: z.string(), content: z.string().nullable() }).optional(),
  delta: z.looseObject({ role: z.string().optional(), content: z.string().optional() }).optional(),
  finish_reason: z.string().nullable(),
});

const replySchema = z.looseObject({
  id: z.string(),
  object: z.string(),
  created: z.number().int(),
  model: z.string(),
  choices: z.array(choiceSchema),
  usage: z.looseObject({ total_tokens: z.number() }).nullish(),
});

const errorSchema = z.strictObject({
  error: z.strictObject({
    message: z.string().min(1),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string(),
  }),
});

export type Reply = z.infer<typeof replySchema>;
export type ErrorObject = z.infer<typeof errorSchema>["error"];

/** The completion of a reply in one piece. */
export async function completion(response: Response): Promise<Reply> {
  return replySchema.parse(await response.json());
}

/** The error of a reply, and its status. */
export async function failure(response: Response): Promise<ErrorObject & { status: number }> {
  const { error } = errorSchema.parse(await response.json());
  return { status: response.status, ...error };
}

export interface Streamed {
  readonly chunks: Reply[];
  /** All content, added up. */
  readonly text: string;
  /** Of the last chunk with a choice. */
  readonly finishReason: string | null | undefined;
  readonly error: ErrorObject | undefined;
  /** Whether it ended with [DONE]. */
  readonly done: boolean;
}

export async function streamed(response: Response): Promise<Streamed> {
  return readEvents(await response.text());
}

/** Events as the protocol frames them; comments are skipped. */
export function readEvents(body: string): Streamed {
  const all = body
    .split("\n\n")
    .filter((event) => event.startsWith("data: "))
    .map((event) => event.slice("data: ".length));
  const done = all.at(-1) === "[DONE]";
  const data = (done ? all.slice(0, -1) : all).map((text): unknown => JSON.parse(text));
  const failed = errorSchema.safeParse(data.at(-1));
  const chunks = (failed.success ? data.slice(0, -1) : data).map((each) => replySchema.parse(each));
  return {
    chunks,
    text: chunks.map(({ choices }) => choices[0]?.delta?.content ?? "").join(""),
    finishReason: chunks.findLast(({ choices }) => choices.length > 0)?.choices[0]?.finish_reason,
    error: failed.data?.error,
    done,
  };
}
