/**
 * A session's context as a value: new ones, the step from one committed turn to the next, trimming,
 * repair and bytes. Pure; nothing here changes its arguments.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type ContentPart,
  type Message,
  MessageSchema,
  Role,
} from "../../gen/agentlane/v1/content_pb.js";
import {
  type ExecutionContext,
  ExecutionContextSchema,
} from "../../gen/agentlane/v1/session_pb.js";
import type { TurnOutcome } from "./contract.ts";

export interface HistoryLimits {
  /** Messages kept. */
  readonly maxMessages: number;
  /** Approximate tokens kept; undefined = no limit. */
  readonly maxTokens?: number | undefined;
}

export interface CommittedTurn {
  /** The turn's new messages, before those of the outcome. */
  readonly messages: readonly Message[];
  readonly outcome: Pick<TurnOutcome, "messages" | "history" | "interrupts" | "checkpoint">;
  /** The task's labels; later values win. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly limits: HistoryLimits;
  readonly nowMs: number;
}

/** Labels a session keeps; the oldest go first. */
const MAX_METADATA_COUNT = 256;
/** What a picture or a file is taken for; only their providers know. */
const MEDIA_TOKENS = 1000;
const CHARACTERS_PER_TOKEN = 4;

export function newExecutionContext(ref: {
  readonly agentId: string;
  readonly sessionId: string;
}): ExecutionContext {
  return create(ExecutionContextSchema, { agentId: ref.agentId, sessionId: ref.sessionId });
}

/** The context after a turn: one version further, trimmed to the limits, valid. */
export function appendTurn(context: ExecutionContext, turn: CommittedTurn): ExecutionContext {
  const { outcome } = turn;
  // The committed history is valid, so only what the turn added has to be looked at.
  const before = outcome.history ? [] : context.history;
  const added = outcome.history ?? [...turn.messages, ...outcome.messages];
  // An interrupted turn may end in calls without results. They live in the checkpoint until the
  // resuming turn brings them back complete.
  const closed = outcome.interrupts.length > 0 ? withoutOpenCalls(added) : added;
  const all = [...before, ...repairHistory(closed)];
  const { history, trimmedCount } = trimHistory(all, turn.limits);
  const now = timestampFromMs(turn.nowMs);
  return create(ExecutionContextSchema, {
    agentId: context.agentId,
    sessionId: context.sessionId,
    version: context.version + 1n,
    history,
    trimmedMessageCount: context.trimmedMessageCount + BigInt(trimmedCount),
    metadata: mergeMetadata(context.metadata, turn.metadata),
    interrupts: [...outcome.interrupts],
    checkpoint: outcome.checkpoint,
    createdAt: context.createdAt ?? now,
    updatedAt: now,
  });
}

function mergeMetadata(
  before: Readonly<Record<string, string>>,
  added: Readonly<Record<string, string>>,
): Record<string, string> {
  const entries = Object.entries({ ...before, ...added });
  return Object.fromEntries(entries.slice(-MAX_METADATA_COUNT));
}

/**
 * Removes the oldest turns until both limits hold. Cuts before a message of the user; a single turn
 * that is over the limit is cut inside, but never between a tool call and its results.
 */
export function trimHistory(
  history: readonly Message[],
  limits: HistoryLimits,
): { history: Message[]; trimmedCount: number } {
  const earliest = earliestStart(history, limits);
  if (earliest === 0) return { history: [...history], trimmedCount: 0 };
  const start =
    indexFrom(history, earliest, (message) => message.role === Role.USER) ??
    indexFrom(history, earliest, (message) => message.role !== Role.TOOL) ??
    history.length;
  return { history: history.slice(start), trimmedCount: start };
}

/** The first index from which on the rest is within the limits. */
function earliestStart(history: readonly Message[], limits: HistoryLimits): number {
  let start = Math.max(0, history.length - limits.maxMessages);
  if (limits.maxTokens === undefined) return start;
  let tokens = 0;
  for (let index = history.length - 1; index >= start; index--) {
    tokens += approximateTokens(history[index]);
    if (tokens > limits.maxTokens) {
      start = index + 1;
      break;
    }
  }
  return start;
}

function indexFrom(
  history: readonly Message[],
  start: number,
  matches: (message: Message) => boolean,
): number | undefined {
  for (let index = start; index < history.length; index++) {
    const message = history[index];
    if (message && matches(message)) return index;
  }
  return undefined;
}

/** Four characters a token, as OpenAI's rule of thumb has it. */
export function approximateTokens(message: Message | undefined): number {
  if (!message) return 0;
  let tokens = 0;
  for (const { part } of message.content) {
    if (part.case === "image" || part.case === "file") tokens += MEDIA_TOKENS;
    else tokens += Math.ceil(lengthOf(part) / CHARACTERS_PER_TOKEN);
  }
  return tokens;
}

function lengthOf(part: ContentPart["part"]): number {
  switch (part.case) {
    case "text":
    case "reasoning":
      return part.value.length;
    case "json":
      return JSON.stringify(part.value).length;
    case "toolCall":
      return part.value.name.length + JSON.stringify(part.value.arguments ?? {}).length;
    case "toolResult":
      return part.value.text.length;
    default:
      return 0;
  }
}

/** A loaded context with a valid history: see repairHistory. The same object when it is valid. */
export function repairContext(context: ExecutionContext): ExecutionContext {
  const history = repairHistory(context.history);
  const same =
    history.length === context.history.length &&
    history.every((message, index) => message === context.history[index]);
  return same ? context : { ...context, history };
}

/**
 * Completes tool calls without results by results that say so, and drops results without calls:
 * providers refuse a conversation with either, and the session would be lost.
 */
export function repairHistory(history: readonly Message[]): Message[] {
  const repaired: Message[] = [];
  let open = new Map<string, string>();
  let caller: Message | undefined;
  const close = (): void => {
    for (const [id, name] of open) repaired.push(missingResult(id, name, caller?.createdAt));
    open = new Map();
  };
  for (const message of history) {
    if (message.role === Role.TOOL) {
      const answered = answeredParts(message, open);
      if (answered.length === message.content.length && answered.length > 0) repaired.push(message);
      else if (answered.length > 0) repaired.push({ ...message, content: answered });
      continue;
    }
    close();
    repaired.push(message);
    caller = message;
    if (message.role !== Role.ASSISTANT) continue;
    for (const { part } of message.content) {
      if (part.case === "toolCall") open.set(part.value.id, part.value.name);
    }
  }
  close();
  return repaired;
}

/** The results that answer an open call; closes those calls. */
function answeredParts(message: Message, open: Map<string, string>): ContentPart[] {
  return message.content.filter(
    ({ part }) => part.case === "toolResult" && open.delete(part.value.toolCallId),
  );
}

function missingResult(callId: string, name: string, createdAt: Timestamp | undefined): Message {
  return create(MessageSchema, {
    id: `repair-${callId}`.slice(0, 128),
    role: Role.TOOL,
    name,
    content: [
      {
        part: {
          case: "toolResult",
          value: {
            toolCallId: callId,
            text: "The tool call was interrupted and has no result.",
            isError: true,
          },
        },
      },
    ],
    ...(createdAt ? { createdAt } : {}),
  });
}

/** Up to the first assistant message that has a call without a result. */
function withoutOpenCalls(history: readonly Message[]): Message[] {
  const answered = new Set<string>();
  for (const message of history) {
    for (const { part } of message.content) {
      if (part.case === "toolResult") answered.add(part.value.toolCallId);
    }
  }
  const open = history.findIndex(
    (message) =>
      message.role === Role.ASSISTANT &&
      message.content.some(({ part }) => part.case === "toolCall" && !answered.has(part.value.id)),
  );
  return open === -1 ? [...history] : history.slice(0, open);
}

export function contextToBytes(context: ExecutionContext): Uint8Array {
  return toBinary(ExecutionContextSchema, context);
}

export function contextFromBytes(bytes: Uint8Array): ExecutionContext {
  return fromBinary(ExecutionContextSchema, bytes);
}
