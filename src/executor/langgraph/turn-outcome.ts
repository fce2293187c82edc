/** What a graph left behind, as the outcome of its turn. */
import "./environment.ts";
import { create, equals, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import type { BaseMessage } from "@langchain/core/messages";
import { type Message, MessageSchema } from "../../../gen/agentlane/v1/content_pb.js";
import { type Interrupt, InterruptSchema } from "../../../gen/agentlane/v1/task_pb.js";
import type { Turn } from "../contract.ts";
import { isRecord, property, toJson } from "./json.ts";
import { fromLangChain, toLangChain, toValue } from "./messages.ts";
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
 * form, which may say more than LangChain's.
 */
export function readConversation(
  turn: Turn,
  final: readonly BaseMessage[],
  nowMs: number,
): Conversation {
  const before = new Map<string, Message>();
  for (const message of [...turn.context.history, ...turn.messages])
    before.set(message.id, message);
  const beforeIds = [...before.keys()];
  let appendedOnly = true;
  const added: Message[] = [];
  const history = final.map((message, position) => {
    const known = message.id === undefined ? undefined : before.get(message.id);
    const converted = fromLangChain(message, nowMs);
    if (!known) {
      added.push(converted);
      if (position < beforeIds.length) appendedOnly = false;
      return converted;
    }
    const unchanged = sameContent(known, converted);
    if (!unchanged || beforeIds[position] !== known.id) appendedOnly = false;
    return unchanged ? known : converted;
  });
  if (final.length < beforeIds.length) appendedOnly = false;
  return { added, history: appendedOnly ? undefined : history };
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
