/** What watchers do with log entries, pure. */
import { create } from "@bufbuild/protobuf";
import type { LogEntry } from "../../gen/agentlane/store/v1/record_pb.js";
import {
  ChatCompletionChoiceSchema,
  type ChatCompletionChunk,
  ChatCompletionChunkSchema,
  ChatCompletionDeltaSchema,
} from "../../gen/agentlane/v1/chunk_pb.js";
import { type TaskEvent, TaskEventSchema } from "../../gen/agentlane/v1/task_pb.js";
import type { WatchedEntry } from "./task-manager.ts";
import { isTerminal } from "./task-state.ts";

/** Merged text of one response, in characters; keeps a merged response far from the message limit. */
const MAX_MERGED_CHARS = 64 * 1024;
/** Rough cost of an entry's objects beside its text. */
const ENTRY_OVERHEAD_BYTES = 512;

export function isTerminalEvent(event: TaskEvent): boolean {
  return event.kind.case === "stateChange" && isTerminal(event.kind.value.state);
}

export function toWatched(entry: LogEntry): WatchedEntry {
  const { attempt, sequence, event } = entry;
  return { attempt, sequence, event: event ?? create(TaskEventSchema), mergedCount: 0 };
}

/** Approximate memory of an event in bytes; exact enough to bound a buffer. */
export function approximateBytes({ kind, $unknown }: Pick<TaskEvent, "kind" | "$unknown">): number {
  // Tokens are many, so they are not walked; their ids are shared.
  const chars = textDelta({ kind })?.text.length ?? textLength(kind.value ?? $unknown, 0);
  return ENTRY_OVERHEAD_BYTES + 2 * chars;
}

function textLength(value: unknown, depth: number): number {
  if (typeof value === "string") return value.length;
  if (value instanceof Uint8Array) return value.length;
  if (value === null || typeof value !== "object" || depth > 12) return 8;
  let length = 0;
  for (const item of Object.values(value)) length += 8 + textLength(item, depth + 1);
  return length;
}

/** Folds runs of text deltas of one model message into single entries. */
export function mergeDeltas(entries: readonly WatchedEntry[]): WatchedEntry[] {
  const merged: WatchedEntry[] = [];
  for (const entry of entries) {
    const last = merged.at(-1);
    const folded = last && fold(last, entry);
    if (folded) merged[merged.length - 1] = folded;
    else merged.push(entry);
  }
  return merged;
}

function fold(first: WatchedEntry, second: WatchedEntry): WatchedEntry | undefined {
  const before = textDelta(first.event);
  const after = textDelta(second.event);
  if (!before || !after || before.chunk.id !== after.chunk.id) return undefined;
  if (first.attempt !== second.attempt || after.role !== undefined) return undefined;
  if (before.text.length + after.text.length > MAX_MERGED_CHARS) return undefined;
  const delta = create(ChatCompletionDeltaSchema, { content: before.text + after.text });
  if (before.role !== undefined) delta.role = before.role;
  const chunk = create(ChatCompletionChunkSchema, {
    ...before.chunk,
    choices: [create(ChatCompletionChoiceSchema, { index: 0, delta })],
  });
  return {
    attempt: second.attempt,
    sequence: second.sequence,
    mergedCount: first.mergedCount + second.mergedCount + 1,
    event: { ...second.event, kind: { case: "chunk", value: chunk } },
  };
}

interface TextDelta {
  readonly chunk: ChatCompletionChunk;
  readonly text: string;
  readonly role: string | undefined;
}

/** The event's text if it is a chunk that does nothing but add text. */
function textDelta(event: Pick<TaskEvent, "kind">): TextDelta | undefined {
  if (event.kind.case !== "chunk") return undefined;
  const chunk = event.kind.value;
  const choice = chunk.choices[0];
  const delta = choice?.delta;
  if (!delta?.content || chunk.usage || choice?.finishReason !== undefined) return undefined;
  if (delta.toolCalls.length > 0 || delta.refusal !== undefined) return undefined;
  if (delta.reasoningContent !== undefined) return undefined;
  return { chunk, text: delta.content, role: delta.role };
}
