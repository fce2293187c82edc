import { create, type JsonValue } from "@bufbuild/protobuf";
import { ChatCompletionChunkSchema } from "../../gen/agentlane/v1/chunk_pb.js";
import { type Message, MessageSchema, Role } from "../../gen/agentlane/v1/content_pb.js";
import {
  AgentDescriptionSchema,
  FrameworkHealthSchema,
} from "../../gen/agentlane/v1/operations_service_pb.js";
import { type Interrupt, InterruptSchema } from "../../gen/agentlane/v1/task_pb.js";
import {
  type AgentDefinition,
  agentDefinitionSchema,
} from "../../src/executor/agent-definition.ts";
import type {
  FrameworkExecutor,
  Turn,
  TurnEvent,
  TurnOutcome,
} from "../../src/executor/contract.ts";

/** What the scripted agent does in a turn; may throw, hang or stream. */
export type Script = (turn: Turn) => AsyncIterable<TurnEvent> | Promise<Partial<TurnOutcome>>;

export interface ScriptedExecutor extends FrameworkExecutor {
  /** Turns that were started, in order. */
  readonly turns: Turn[];
  /** Replaces the script for turns that start from now on. */
  script: Script;
}

/** An executor whose turns do what a test says. Default: answer with the input's text. */
export function scriptedExecutor(script: Script = echo): ScriptedExecutor {
  const executor: ScriptedExecutor = {
    framework: "langgraph",
    turns: [],
    script,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    validate: () => Promise.resolve([]),
    describe: (agent) =>
      Promise.resolve(create(AgentDescriptionSchema, { agentId: agent.id, queue: agent.queue })),
    readsCheckpoint: () => true,
    health: () =>
      create(FrameworkHealthSchema, {
        framework: "langgraph",
        version: "0",
        executorInitialized: true,
      }),
    async *execute(turn) {
      executor.turns.push(turn);
      const result = executor.script(turn);
      if (Symbol.asyncIterator in result) yield* result;
      else yield outcome(await result);
    },
  };
  return executor;
}

/** Answers with the input's text. */
async function echo(turn: Turn): Promise<Partial<TurnOutcome>> {
  return { messages: [assistantMessage(`${turn.taskId}-answer`, textOf(turn.messages))] };
}

export function outcome(partial: Partial<TurnOutcome> = {}): TurnEvent {
  return {
    type: "outcome",
    outcome: {
      messages: [],
      history: undefined,
      state: undefined,
      usage: undefined,
      finishReason: "stop",
      interrupts: [],
      checkpoint: new Uint8Array(),
      ...partial,
    },
  };
}

export function chunk(id: string, content: string): TurnEvent {
  const value = create(ChatCompletionChunkSchema, {
    id,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta: { content } }],
  });
  return { type: "event", kind: { case: "chunk", value } };
}

export function messageEvent(value: Message): TurnEvent {
  return { type: "event", kind: { case: "message", value } };
}

export function assistantMessage(id: string, text: string): Message {
  return create(MessageSchema, {
    id,
    role: Role.ASSISTANT,
    content: [{ part: { case: "text", value: text } }],
  });
}

export function userMessage(text: string, id = ""): Message {
  return create(MessageSchema, {
    id,
    role: Role.USER,
    content: [{ part: { case: "text", value: text } }],
  });
}

export function question(id: string, text: string): Interrupt {
  return create(InterruptSchema, { id, value: { kind: { case: "stringValue", value: text } } });
}

/** Never ends by itself; ends with the signal's reason. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Never ends, whatever the signal says. */
export function forever(): Promise<never> {
  return new Promise(() => undefined);
}

export function textOf(messages: readonly Message[]): string {
  return messages
    .flatMap((message) => message.content)
    .map(({ part }) => (part.case === "text" ? part.value : ""))
    .join("");
}

/** An agent definition with defaults; whatever a test sets is what matters. */
export function agent(overrides: Record<string, JsonValue | unknown> = {}): AgentDefinition {
  return agentDefinitionSchema.parse({ id: "scripted", template: "echo", ...overrides });
}
