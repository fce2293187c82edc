/** OpenAI's messages as the contract's. */
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import {
  type ContentPartSchema,
  type MessageSchema,
  Role,
} from "../../../gen/agentlane/v1/content_pb.js";
import {
  type Field,
  isAbsent,
  isRecord,
  list,
  member,
  mismatch,
  optionalText,
  refused,
  text,
} from "./fields.ts";
import { filePart, imagePart } from "./media.ts";

export type MessageInit = MessageInitShape<typeof MessageSchema>;
export type PartInit = MessageInitShape<typeof ContentPartSchema>;

/** Those of the contract. */
const MAX_PARTS = 256;
const MAX_NAME_CHARS = 128;
const MAX_CALL_CHARS = 256;

/** Undefined for an answer without content: there is nothing to remember of it. */
export function messageOf(field: Field): MessageInit | undefined {
  const role = text(member(field, "role"));
  const name = optionalText(member(field, "name"), MAX_NAME_CHARS) ?? "";
  const content = member(field, "content");
  switch (role) {
    case "user":
      return { role: Role.USER, name, content: filled(content, partsOf(content)) };
    case "assistant": {
      const parts = [...(isAbsent(content) ? [] : partsOf(content)), ...toolCallsOf(field)];
      return parts.length === 0 ? undefined : { role: Role.ASSISTANT, name, content: parts };
    }
    case "tool":
      return { role: Role.TOOL, name, content: [toolResultOf(field)] };
    case "system":
    case "developer":
      throw refused(
        member(field, "role"),
        `"${role}" is not accepted: instructions come from the agent's definition, leave the message out`,
      );
    default:
      throw refused(
        member(field, "role"),
        'must be "user", "assistant" or "tool"; functions are spoken of as tools',
      );
  }
}

function filled(content: Field, parts: PartInit[]): PartInit[] {
  if (parts.length === 0) throw refused(content, "is empty");
  return parts;
}

/** Empty texts are left out. */
function partsOf(content: Field): PartInit[] {
  if (typeof content.value === "string") return textPart(content.value);
  if (!Array.isArray(content.value)) throw mismatch(content, "a string or a list of parts");
  const parts = list(content);
  if (parts.length > MAX_PARTS) {
    throw refused(content, `has ${parts.length} parts, ${MAX_PARTS} are allowed`);
  }
  return parts.flatMap(partOf);
}

function partOf(part: Field): PartInit[] {
  const type = text(member(part, "type"));
  switch (type) {
    case "text":
      return textPart(text(member(part, "text")));
    case "refusal":
      return textPart(text(member(part, "refusal")));
    case "image_url":
      return [imagePart(member(part, "image_url"))];
    case "file":
      return [filePart(member(part, "file"))];
    default:
      throw refused(
        member(part, "type"),
        `"${type}" is not served; text, image_url and file are`.slice(0, 200),
      );
  }
}

function textPart(value: string): PartInit[] {
  return value === "" ? [] : [{ part: { case: "text", value } }];
}

/** Of an earlier answer that the client brings along. */
function toolCallsOf(message: Field): PartInit[] {
  const calls = member(message, "tool_calls");
  if (isAbsent(calls)) return [];
  return list(calls).map((call) => {
    const type = member(call, "type");
    if (type.value !== "function") throw refused(type, 'must be "function"');
    const called = member(call, "function");
    const value = {
      id: named(member(call, "id")),
      name: named(member(called, "name")),
      arguments: argumentsOf(member(called, "arguments")),
    };
    return { part: { case: "toolCall", value } };
  });
}

function argumentsOf(field: Field): JsonObject {
  const given = text(field);
  let parsed: unknown;
  try {
    parsed = JSON.parse(given === "" ? "{}" : given);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (isJsonObject(parsed)) return parsed;
  throw refused(field, "must be the JSON text of an object");
}

/** All that JSON.parse makes is JSON. */
function isJsonObject(value: unknown): value is JsonObject {
  return isRecord(value);
}

function toolResultOf(message: Field): PartInit {
  const content = member(message, "content");
  const answer =
    typeof content.value === "string"
      ? content.value
      : list(content)
          .map((part) => text(member(part, "text")))
          .join("");
  const toolCallId = named(member(message, "tool_call_id"));
  return { part: { case: "toolResult", value: { toolCallId, text: answer } } };
}

function named(field: Field): string {
  const value = optionalText(field, MAX_CALL_CHARS);
  if (value) return value;
  throw mismatch(field, "a string that is not empty");
}
