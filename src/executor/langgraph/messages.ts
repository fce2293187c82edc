/** Our messages as LangChain's and back. */
import "./environment.ts";
import {
  create,
  fromJson,
  type JsonObject,
  type MessageInitShape,
  toJson as protoToJson,
} from "@bufbuild/protobuf";
import { timestampFromMs, ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  AIMessage,
  type BaseMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import {
  type ContentPart,
  type ContentPartSchema,
  type Message,
  MessageSchema,
  Role,
} from "../../../gen/agentlane/v1/content_pb.js";
import { isRecord, property, toJson, toJsonObject } from "./json.ts";
import { fileBlock, imageBlock, partFromBlock } from "./media.ts";

type PartInit = MessageInitShape<typeof ContentPartSchema>;
type Block = { type: string; [key: string]: unknown };

export function toLangChain(messages: readonly Message[]): BaseMessage[] {
  return messages.flatMap((message): BaseMessage[] => {
    const named = { id: message.id, ...(message.name ? { name: message.name } : {}) };
    switch (message.role) {
      case Role.ASSISTANT:
        return [assistantMessage(message, named)];
      case Role.TOOL:
        return toolMessages(message);
      case Role.SYSTEM:
        return [new SystemMessage({ content: content(message.content), ...named })];
      default:
        return [new HumanMessage({ content: content(message.content), ...named })];
    }
  });
}

function assistantMessage(message: Message, named: { id: string; name?: string }): AIMessage {
  const reasoning = message.content
    .flatMap(({ part }) => (part.case === "reasoning" ? [part.value] : []))
    .join("");
  return new AIMessage({
    content: content(message.content),
    tool_calls: message.content.flatMap(({ part }) =>
      part.case === "toolCall"
        ? [
            {
              type: "tool_call" as const,
              id: part.value.id,
              name: part.value.name,
              args: part.value.arguments ?? {},
            },
          ]
        : [],
    ),
    // The field that reasoning models of OpenAI-compatible servers read back; others ignore it.
    ...(reasoning ? { additional_kwargs: { reasoning_content: reasoning } } : {}),
    ...named,
  });
}

/** LangChain has one message per result; the ids of the further ones are derived. */
function toolMessages(message: Message): ToolMessage[] {
  const results = message.content.flatMap(({ part }) =>
    part.case === "toolResult" ? [part.value] : [],
  );
  return results.map(
    (result, index) =>
      new ToolMessage({
        id: index === 0 ? message.id : `${message.id}:${index}`,
        content: result.text,
        tool_call_id: result.toolCallId,
        status: result.isError ? "error" : "success",
        ...(message.name ? { name: message.name } : {}),
      }),
  );
}

/** A plain string where it can be one: every provider takes it. */
function content(parts: readonly ContentPart[]): string | Block[] {
  const blocks = parts.flatMap(({ part }): Block[] => {
    switch (part.case) {
      case "text":
        return [{ type: "text", text: part.value }];
      case "image":
        return [imageBlock(part.value)];
      case "file":
        return [fileBlock(part.value)];
      case "json":
        // Models read text; a block type of our own would be refused by providers.
        return [{ type: "text", text: JSON.stringify(protoToJson(ValueSchema, part.value)) }];
      default:
        return [];
    }
  });
  if (blocks.length === 0) return "";
  const [only] = blocks;
  return blocks.length === 1 && typeof only?.text === "string" ? only.text : blocks;
}

/** The text of a message, its other parts left out. */
export function textOf(message: Message): string {
  return message.content.flatMap(({ part }) => (part.case === "text" ? [part.value] : [])).join("");
}

export function fromLangChain(message: BaseMessage, nowMs: number): Message {
  const type = message.getType();
  const role = ROLES[type] ?? Role.ASSISTANT;
  const parts = role === Role.TOOL ? [toolResultPart(message)] : contentParts(message);
  return create(MessageSchema, {
    id: message.id ?? "",
    role,
    content: parts.length > 0 ? parts : [{ part: { case: "text", value: "" } }],
    name: message.name ?? "",
    createdAt: timestampFromMs(nowMs),
  });
}

const ROLES: Partial<Record<string, Role>> = {
  human: Role.USER,
  ai: Role.ASSISTANT,
  tool: Role.TOOL,
  function: Role.TOOL,
  system: Role.SYSTEM,
  developer: Role.SYSTEM,
};

function toolResultPart(message: BaseMessage): PartInit {
  const callId = property(message, "tool_call_id");
  const toolCallId = typeof callId === "string" ? callId : "";
  return {
    part: {
      case: "toolResult",
      value: {
        toolCallId: toolCallId || message.id || "unknown",
        text: toolText(message.content),
        isError: property(message, "status") === "error",
      },
    },
  };
}

/** What a tool answered as one text: text blocks as they are, others as JSON. */
export function toolText(value: unknown): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return JSON.stringify(toJson(value) ?? null);
  return value
    .map((block: unknown) =>
      isRecord(block) && typeof block.text === "string"
        ? block.text
        : JSON.stringify(toJson(block) ?? null),
    )
    .join("\n");
}

function contentParts(message: BaseMessage): PartInit[] {
  const parts: PartInit[] = [];
  const reasoning = property(message.additional_kwargs, "reasoning_content");
  if (typeof reasoning === "string" && reasoning) {
    parts.push({ part: { case: "reasoning", value: reasoning } });
  }
  if (typeof message.content === "string") {
    if (message.content) parts.push({ part: { case: "text", value: message.content } });
  } else {
    for (const block of message.content) {
      if (!isRecord(block)) continue;
      const part = partFromBlock(block);
      if (part) parts.push(part);
    }
  }
  return [...mergeText(parts), ...toolCallParts(message)];
}

/** Providers stream content in blocks; adjacent texts are one text. */
function mergeText(parts: PartInit[]): PartInit[] {
  const merged: PartInit[] = [];
  for (const { part } of parts) {
    const last = merged.at(-1)?.part;
    if (part?.case === "text" && last?.case === "text") {
      merged[merged.length - 1] = { part: { case: "text", value: last.value + part.value } };
    } else merged.push(part ? { part } : {});
  }
  return merged;
}

function toolCallParts(message: BaseMessage): PartInit[] {
  const calls = property(message, "tool_calls");
  if (!Array.isArray(calls)) return [];
  return calls.flatMap((call: unknown, index): PartInit[] => {
    if (!isRecord(call) || typeof call.name !== "string" || call.name === "") return [];
    const id = typeof call.id === "string" && call.id ? call.id : `${message.id}:${index}`;
    const value = { id, name: call.name, arguments: toJsonObject(call.args) satisfies JsonObject };
    return [{ part: { case: "toolCall", value } }];
  });
}

/** A JSON value as the protobuf message that carries it. */
export function toValue(value: unknown): ReturnType<typeof create<typeof ValueSchema>> {
  return fromJson(ValueSchema, toJson(value) ?? null);
}
