/** Whatever a graph leaves in its state, as JSON that a client can read. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** Values below this depth are cut off; also ends cycles. */
const MAX_DEPTH = 64;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A property of whatever it is; undefined when it has none. */
export function property(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}

/** Undefined, functions and symbols vanish as in JSON.stringify; everything else is kept readable. */
export function toJson(value: unknown, depth = 0): JsonValue | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || depth > MAX_DEPTH) return undefined;
  if (Array.isArray(value)) return value.map((item) => toJson(item, depth + 1) ?? null);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (value instanceof Set) return [...value].map((item) => toJson(item, depth + 1) ?? null);
  if (value instanceof Map) return recordToJson(Object.fromEntries(value), depth);
  if (value instanceof Error) return { name: value.name, message: value.message };
  if ("toDict" in value && typeof value.toDict === "function") {
    return messageDict(value.toDict(), depth);
  }
  return recordToJson(value, depth);
}

/** As toJson, for values that must be objects; others become `{ value }`. */
export function toJsonObject(value: unknown): JsonObject {
  const json = toJson(value);
  if (isJsonObject(json)) return json;
  return json === undefined ? {} : { value: json };
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function recordToJson(record: object, depth: number): JsonObject {
  const result: JsonObject = {};
  for (const [key, item] of Object.entries(record)) {
    if (key === "__proto__") continue;
    const json = toJson(item, depth + 1);
    if (json !== undefined) result[key] = json;
  }
  return result;
}

/** LangChain's `{ type, data }` of a message, flattened. */
function messageDict(dict: unknown, depth: number): JsonValue {
  if (!isRecord(dict)) return {};
  const data = isRecord(dict.data) ? dict.data : {};
  return recordToJson({ type: dict.type, ...data }, depth);
}
