/**
 * A checkpoint as bytes. Our own encoding and not LangGraph's serializer, because that one revives
 * whatever looks like `{lc:1,type:"constructor"}`, user data included. Here a value's kind is said by
 * a tag that user data cannot forge: an object that has a "$" key itself is wrapped. Nothing but
 * message classes, Send and plain JavaScript values is ever built.
 */
import "./environment.ts";
import {
  AIMessage,
  ChatMessage,
  HumanMessage,
  RemoveMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { Send } from "@langchain/langgraph";
import { isRecord, property } from "./json.ts";
import { isMessage } from "./node-output.ts";

const MAX_DEPTH = 256;

export function encodeCheckpoint(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(encode(value, 0)));
}

export function decodeCheckpoint(bytes: Uint8Array): unknown {
  return decode(JSON.parse(Buffer.from(bytes).toString("utf8")));
}

function encode(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH)
    throw new Error("the graph's state is cyclic or nested too deeply to save");
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : { $: "number", v: String(value) };
    case "bigint":
      return { $: "bigint", v: value.toString() };
    case "undefined":
      return { $: "undefined" };
    case "object":
      return value === null ? null : encodeObject(value, depth + 1);
    default:
      // Functions and symbols cannot be saved; LangGraph's serializer drops them too.
      return { $: "undefined" };
  }
}

function encodeObject(value: object, depth: number): unknown {
  if (Array.isArray(value)) return value.map((item) => encode(item, depth));
  if (value instanceof Date) return { $: "date", v: value.getTime() };
  if (value instanceof Uint8Array) return { $: "bytes", v: Buffer.from(value).toString("base64") };
  if (value instanceof Set) return { $: "set", v: [...value].map((item) => encode(item, depth)) };
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => [encode(key, depth), encode(item, depth)]);
    return { $: "map", v: entries };
  }
  if (value instanceof RegExp) return { $: "regexp", v: [value.source, value.flags] };
  if (value instanceof URL) return { $: "url", v: value.href };
  if (value instanceof Error) return { $: "error", v: [value.name, value.message] };
  if (isMessage(value)) return { $: "message", v: encodeFields(messageFields(value), depth) };
  if (property(value, "lg_name") === "Send") {
    return { $: "send", v: [property(value, "node"), encode(property(value, "args"), depth)] };
  }
  const fields = encodeFields(value, depth);
  return "$" in fields ? { $: "object", v: fields } : fields;
}

function encodeFields(record: object, depth: number): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(record)) {
    if (key === "__proto__" || typeof item === "function") continue;
    fields[key] = encode(item, depth);
  }
  return fields;
}

const MESSAGE_FIELDS = [
  "id",
  "name",
  "content",
  "additional_kwargs",
  "response_metadata",
  "tool_calls",
  "invalid_tool_calls",
  "usage_metadata",
  "tool_call_id",
  "status",
  "artifact",
  "role",
] as const;

function messageFields(message: { getType(): string }): Record<string, unknown> {
  const fields: Record<string, unknown> = { type: message.getType() };
  for (const key of MESSAGE_FIELDS) {
    const value = property(message, key);
    if (value !== undefined) fields[key] = value;
  }
  return fields;
}

function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode);
  if (!isRecord(value)) return value;
  if (typeof value.$ === "string") return decodeTagged(value.$, value.v);
  return decodeFields(value);
}

function decodeFields(record: Record<string, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(record)) {
    if (key !== "__proto__") fields[key] = decode(item);
  }
  return fields;
}

function decodeTagged(tag: string, value: unknown): unknown {
  const items: unknown[] = Array.isArray(value) ? value : [];
  switch (tag) {
    case "undefined":
      return undefined;
    case "number":
      return Number(value);
    case "bigint":
      return BigInt(String(value));
    case "date":
      return new Date(Number(value));
    case "bytes":
      return new Uint8Array(Buffer.from(String(value), "base64"));
    case "set":
      return new Set(items.map(decode));
    case "map":
      return new Map(items.map((entry) => [decode(at(entry, 0)), decode(at(entry, 1))]));
    case "regexp":
      return new RegExp(String(items[0]), String(items[1]));
    case "url":
      return new URL(String(value));
    case "error":
      return Object.assign(new Error(String(items[1])), { name: String(items[0]) });
    case "send":
      return new Send(String(items[0]), decode(items[1]));
    case "message":
      return decodeMessage(isRecord(value) ? decodeFields(value) : {});
    case "object":
      return isRecord(value) ? decodeFields(value) : {};
    default:
      throw new Error(`the saved state has an unknown tag "${tag}"`);
  }
}

function at(entry: unknown, index: number): unknown {
  return Array.isArray(entry) ? entry[index] : undefined;
}

type Fields = ConstructorParameters<typeof AIMessage>[0] & object;

function decodeMessage(record: Record<string, unknown>): unknown {
  const { type, ...rest } = record;
  // Written by messageFields from a message of the same class.
  const fields = rest as Fields;
  switch (type) {
    case "human":
      return new HumanMessage(fields);
    case "system":
      return new SystemMessage(fields);
    case "tool":
      return new ToolMessage({ ...fields, tool_call_id: String(rest.tool_call_id) });
    case "remove":
      return new RemoveMessage({ id: String(rest.id) });
    case "generic":
      return new ChatMessage({ ...fields, role: String(rest.role) });
    default:
      return new AIMessage(fields);
  }
}
