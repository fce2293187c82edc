/** What a node or a tool returned, taken apart. Everything is recognized by its shape: a project may
 * bring its own copy of LangChain, whose classes are not ours. */
import "./environment.ts";
import type { JsonObject } from "@bufbuild/protobuf";
import type { BaseMessage } from "@langchain/core/messages";
import { isRecord, property, toJson } from "./json.ts";

export interface NodeOutput {
  readonly messages: BaseMessage[];
  /** The rest of the update as JSON. */
  readonly update: JsonObject;
}

/** Messages without an id get one now, so that events and state agree on it. */
export function writtenBy(output: unknown, runId: string): NodeOutput {
  const messages: BaseMessage[] = [];
  const update: JsonObject = {};
  const take = (value: unknown): void => {
    if (isMessage(value)) messages.push(value);
    else if (Array.isArray(value)) for (const item of value) take(item);
    else if (isCommand(value)) take(value.update);
    else if (isRecord(value)) takeFields(value);
  };
  const takeFields = (fields: Record<string, unknown>): void => {
    for (const [key, value] of Object.entries(fields)) {
      // LangChain wraps what is no object, such as a list of Commands, as { output }.
      if (isWritten(value) || (Array.isArray(value) && value.some(isWritten))) take(value);
      else if (key !== "messages" && key !== "__proto__") update[key] = toJson(value) ?? null;
    }
  };
  take(output);
  messages.forEach((message, index) => {
    if (message.id) return;
    message.id = `run-${runId}-${index}`;
    message.lc_kwargs.id = message.id;
  });
  return { messages, update };
}

/** The tool message in what a tool returned: the message itself, or one in a Command's update. */
export function toolMessageOf(output: unknown): { content: unknown; status: unknown } | undefined {
  const updated = isCommand(output) ? property(output.update, "messages") : undefined;
  const candidates: unknown[] = Array.isArray(updated) ? updated : [output];
  for (const each of candidates) {
    if (isRecord(each) && "tool_call_id" in each) {
      return { content: each.content, status: each.status };
    }
  }
  return undefined;
}

export function isMessage(value: unknown): value is BaseMessage {
  return isRecord(value) && typeof value.getType === "function" && "lc_kwargs" in value;
}

function isCommand(value: unknown): value is { update: unknown } {
  return isRecord(value) && value.lg_name === "Command" && "update" in value;
}

function isWritten(value: unknown): boolean {
  return isMessage(value) || isCommand(value);
}
