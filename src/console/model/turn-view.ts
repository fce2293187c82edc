/**
 * What the log of a turn adds up to, in a form that can be kept as JSON: the playground shows it
 * while it grows, and goes on with it after a reload.
 */
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import type { ChatCompletionChunk } from "../../../gen/agentlane/v1/chunk_pb.js";
import { type Message, Role } from "../../../gen/agentlane/v1/content_pb.js";
import {
  type TaskError,
  type TaskEvent,
  TaskState,
  type TaskStateChange,
} from "../../../gen/agentlane/v1/task_pb.js";
import { durationMs } from "./format.ts";
import { codeName } from "./states.ts";

export type Block =
  | { readonly kind: "text" | "reasoning"; readonly id: string; readonly text: string }
  | ToolBlock
  | { readonly kind: "progress"; readonly node: string; readonly data: JsonValue };

export interface ToolBlock {
  readonly kind: "tool";
  /** Of the call. */
  readonly id: string;
  readonly name: string;
  /** JSON text; incomplete while the model is still writing it. */
  readonly args: string;
  /** Undefined while it runs. */
  readonly result?: string | undefined;
  readonly isError?: boolean | undefined;
  readonly tookMs?: number | undefined;
}

export interface Question {
  readonly id: string;
  readonly value: JsonValue;
}

export interface TurnError {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly string[];
}

export interface TurnView {
  readonly taskId: string;
  /** Watch after this one. */
  readonly lastSequence: number;
  readonly attempt: number;
  readonly state: TaskState;
  readonly blocks: readonly Block[];
  readonly questions: readonly Question[];
  /** Why it failed, or waits for its next attempt. */
  readonly error?: TurnError | undefined;
  readonly tokens?: { readonly input: number; readonly output: number } | undefined;
}

export const EMPTY_TURN: TurnView = {
  taskId: "",
  lastSequence: 0,
  attempt: 0,
  state: TaskState.UNSPECIFIED,
  blocks: [],
  questions: [],
};

/** An entry of a log, whichever call it came by. */
export interface LogEntry {
  readonly taskId: string;
  readonly sequence: number;
  readonly attempt: number;
  readonly event?: TaskEvent | undefined;
}

export function withEntry(view: TurnView, entry: LogEntry): TurnView {
  const { taskId, sequence, attempt } = entry;
  const next = { ...view, taskId, lastSequence: sequence, attempt };
  const kind = entry.event?.kind;
  switch (kind?.case) {
    case "stateChange":
      return withStateChange(next, kind.value);
    case "chunk":
      return { ...next, blocks: withChunk(next.blocks, kind.value) };
    case "message":
      return { ...next, blocks: withMessage(next.blocks, kind.value) };
    case "toolCallStarted": {
      const call = kind.value.call;
      if (!call) return next;
      const args = JSON.stringify(call.arguments ?? {});
      return { ...next, blocks: withTool(next.blocks, call.id, { name: call.name, args }) };
    }
    case "toolCallFinished": {
      const { name, result, duration } = kind.value;
      if (!result) return next;
      const { toolCallId, text, isError } = result;
      const change = { name, result: text, isError, tookMs: durationMs(duration) };
      return { ...next, blocks: withTool(next.blocks, toolCallId, change) };
    }
    case "progress": {
      const { node, data } = kind.value;
      const block: Block = { kind: "progress", node, data: jsonOf(data) };
      return { ...next, blocks: [...next.blocks, block].slice(-MAX_BLOCKS) };
    }
    default:
      return next;
  }
}

/** A turn with more keeps the newest. */
const MAX_BLOCKS = 500;
/** A longer text keeps its end. */
const MAX_TEXT = 500_000;

function withStateChange(view: TurnView, change: TaskStateChange): TurnView {
  const { state, result } = change;
  const error = change.error && errorOf(change.error);
  const changed = { ...view, state, error };
  // Output of the attempts before is void.
  if (state === TaskState.RUNNING) return { ...changed, blocks: [], questions: [] };
  if (!result) return changed;
  const { usage } = result;
  return {
    ...changed,
    blocks: result.messages.reduce(withMessage, view.blocks),
    questions: result.interrupts.map(({ id, value }) => ({ id, value: jsonOf(value) })),
    tokens: usage && { input: usage.inputTokens, output: usage.outputTokens },
  };
}

export function errorOf({ code, reason, message, causes }: TaskError): TurnError {
  return { code: codeName(code), reason, message, causes };
}

function withChunk(blocks: readonly Block[], chunk: ChatCompletionChunk): readonly Block[] {
  const delta = chunk.choices[0]?.delta;
  if (!delta) return blocks;
  let next = blocks;
  if (delta.reasoningContent) {
    next = withText(next, "reasoning", chunk.id, (before) => before + delta.reasoningContent);
  }
  const said = `${delta.content ?? ""}${delta.refusal ?? ""}`;
  if (said !== "") next = withText(next, "text", chunk.id, (before) => before + said);
  return next;
}

function withMessage(blocks: readonly Block[], message: Message): readonly Block[] {
  let next = blocks;
  for (const { part } of message.content) {
    if (part.case === "toolResult") {
      const { toolCallId, text, isError } = part.value;
      next = withTool(next, toolCallId, { result: text, isError });
    }
    if (part.case === "toolCall") {
      const { id, name } = part.value;
      next = withTool(next, id, { name, args: JSON.stringify(part.value.arguments ?? {}) });
    }
  }
  if (message.role !== Role.ASSISTANT) return next;
  const text = message.content.map(({ part }) => (part.case === "text" ? part.value : "")).join("");
  return text === "" ? next : withText(next, "text", message.id, () => text);
}

function withText(
  blocks: readonly Block[],
  kind: "text" | "reasoning",
  id: string,
  change: (before: string) => string,
): readonly Block[] {
  const at = blocks.findLastIndex((block) => block.kind === kind && block.id === id);
  const before = blocks[at];
  if (before?.kind !== kind) return [...blocks, { kind, id, text: change("") }];
  return blocks.with(at, { ...before, text: change(before.text).slice(-MAX_TEXT) });
}

function withTool(
  blocks: readonly Block[],
  id: string,
  change: Partial<ToolBlock>,
): readonly Block[] {
  const at = blocks.findLastIndex((block) => block.kind === "tool" && block.id === id);
  const before = blocks[at];
  if (before?.kind !== "tool") {
    return [...blocks, { kind: "tool", id, name: "", args: "{}", ...change }];
  }
  return blocks.with(at, { ...before, ...change });
}

export function jsonOf(value: Value | undefined): JsonValue {
  return value === undefined ? null : toJson(ValueSchema, value);
}
