/** What a graph left behind, as the outcome of its turn. */
import "./environment.ts";
import { create, equals, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import type { BaseMessage } from "@langchain/core/messages";
import { type Message, MessageSchema, Role } from "../../../gen/agentlane/v1/content_pb.js";
import { type Interrupt, InterruptSchema } from "../../../gen/agentlane/v1/task_pb.js";
import type { Turn } from "../contract.ts";
import { isRecord, property, toJson } from "./json.ts";
import { fromLangChain, textOf, toLangChain, toValue } from "./messages.ts";
import { isMessage } from "./node-output.ts";
import { BREAKPOINT } from "./turn-input.ts";

export interface FinalState {
  /** All messages of the state. */
  readonly messages: BaseMessage[];
  /** The rest; undefined when there is nothing else. */
  readonly state: JsonValue | undefined;
  /** Undefined = the graph ran to its end. */
  readonly interrupts: unknown[] | undefined;
}

export function readFinalState(result: unknown): FinalState {
  if (!isRecord(result)) {
    return { messages: [], state: toJson(result), interrupts: undefined };
  }
  const { messages, __interrupt__: interrupts, ...rest } = result;
  const state: JsonObject = {};
  for (const [key, value] of Object.entries(rest)) {
    const json = toJson(value);
    if (json !== undefined && !key.startsWith("__")) state[key] = json;
  }
  return {
    messages: Array.isArray(messages) ? messages.filter(isMessage) : [],
    state: Object.keys(state).length > 0 ? state : undefined,
    interrupts: Array.isArray(interrupts) ? interrupts : undefined,
  };
}

export function interruptsOf(asked: readonly unknown[], nextNodes: readonly string[]): Interrupt[] {
  if (asked.length === 0) {
    const value = toValue({ next: nextNodes });
    return [create(InterruptSchema, { id: BREAKPOINT, value })];
  }
  return asked.map((each, index) => {
    const id = property(each, "id") ?? property(each, "interrupt_id");
    return create(InterruptSchema, {
      id: typeof id === "string" ? id : String(index),
      value: toValue(property(each, "value")),
    });
  });
}

export interface Conversation {
  /** What this turn added, in order. */
  readonly added: Message[];
  /** The whole history where the graph changed more than it appended. */
  readonly history: Message[] | undefined;
}

/**
 * Compares the final messages with those the turn began with. Messages that are unchanged keep our own
 * form, which may say more than LangChain's. `carried` are the ids of the messages in a resumed state;
 * undefined = the turn is no resume.
 */
export function readConversation(
  turn: Turn,
  final: readonly BaseMessage[],
  nowMs: number,
  carried?: ReadonlySet<string>,
): Conversation {
  const before = [...turn.context.history, ...turn.messages];
  const byId = new Map(before.map((message) => [message.id, message]));
  const isUnseen = unseenBy(final, carried);
  const expectedIds = [...byId.keys()].filter((id) => !isUnseen(id));
  let appendedOnly = final.length >= expectedIds.length;
  const added: Message[] = [];
  const history = final.map((message, position) => {
    const known = message.id === undefined ? undefined : byId.get(message.id);
    const converted = fromLangChain(message, nowMs);
    if (!known) {
      added.push(converted);
      if (position < expectedIds.length) appendedOnly = false;
      return converted;
    }
    const unchanged = sameContent(known, converted);
    if (!unchanged || expectedIds[position] !== known.id) appendedOnly = false;
    return unchanged ? known : converted;
  });
  const copied = carried && copiedAnswer(turn, added);
  if (appendedOnly && !copied) return { added, history: undefined };
  const all = before.filter((message) => message !== copied);
  if (appendedOnly) return { added, history: [...all, ...added] };
  return { added, history: withUnseen(history, all, isUnseen) };
}

/** Messages that the graph of a resumed turn never had: the answers to its questions. */
function unseenBy(
  final: readonly BaseMessage[],
  carried: ReadonlySet<string> | undefined,
): (id: string) => boolean {
  if (!carried) return () => false;
  const finalIds = new Set(final.map(({ id }) => id));
  return (id) => !carried.has(id) && !finalIds.has(id);
}

/** The answer, where the graph put its text into the conversation itself. */
function copiedAnswer(turn: Turn, added: readonly Message[]): Message | undefined {
  const answer = turn.messages.at(-1);
  if (!answer) return undefined;
  const text = textOf(answer);
  const isCopied = added.some((each) => each.role === Role.USER && textOf(each) === text);
  return isCopied ? answer : undefined;
}

/** Puts each message that the graph never had behind the one it followed, and behind its results. */
function withUnseen(
  history: readonly Message[],
  before: readonly Message[],
  isUnseen: (id: string) => boolean,
): Message[] {
  const all = [...history];
  let position = 0;
  for (const message of before) {
    if (isUnseen(message.id)) {
      while (all[position]?.role === Role.TOOL) position += 1;
      all.splice(position, 0, message);
      position += 1;
    } else {
      const found = all.findIndex(({ id }) => id === message.id);
      if (found >= 0) position = found + 1;
    }
  }
  return all;
}

/** Compared in LangChain's form: what that form cannot express has not changed. */
function sameContent(known: Message, converted: Message): boolean {
  const [again] = toLangChainForms(known);
  if (!again) return false;
  return equals(
    MessageSchema,
    { ...again, createdAt: undefined },
    { ...converted, createdAt: undefined },
  );
}

function toLangChainForms(message: Message): Message[] {
  return toLangChain([message]).map((each) => fromLangChain(each, 0));
}
