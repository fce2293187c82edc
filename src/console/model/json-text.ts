/** JSON as people type it. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

export interface Read<T> {
  /** Undefined when nothing was typed, or not JSON. */
  readonly value?: T | undefined;
  /** What is wrong; empty = nothing. */
  readonly problem: string;
}

export function jsonFrom(text: string): Read<JsonValue> {
  if (text.trim() === "") return { problem: "" };
  try {
    const value: JsonValue = JSON.parse(text);
    return { value, problem: "" };
  } catch (error) {
    return { problem: `Not JSON: ${error instanceof Error ? error.message : error}` };
  }
}

export function objectFrom(text: string): Read<JsonObject> {
  const { value, problem } = jsonFrom(text);
  if (value === undefined) return { problem };
  if (isObject(value)) return { value, problem: "" };
  return { problem: "It must be an object: { … }" };
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
