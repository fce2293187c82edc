/** JSON from outside, before it gets near a graph. */
import type { JsonValue } from "@bufbuild/protobuf";
import { invalidField } from "../errors.ts";

/** Deeper values are refused; nothing an agent needs is deeper, and recursion has a price. */
export const MAX_JSON_DEPTH = 64;

const POISONED_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Refuses what could change an object's prototype, what LangChain's serializer would revive as one
 * of its own classes (`{lc: 1, type: "constructor", …}`), and what is nested too deeply.
 */
export function guardJson(field: string, value: JsonValue, depth = 0): void {
  if (value === null || typeof value !== "object") return;
  if (depth >= MAX_JSON_DEPTH) {
    throw invalidField(field, `is nested deeper than ${MAX_JSON_DEPTH} levels`);
  }
  if (Array.isArray(value)) {
    for (const item of value) guardJson(field, item, depth + 1);
    return;
  }
  if ("lc" in value && "type" in value && Object.hasOwn(value, "lc")) {
    throw invalidField(field, 'must not contain an object with the keys "lc" and "type"');
  }
  for (const [key, item] of Object.entries(value)) {
    if (POISONED_KEYS.has(key)) throw invalidField(field, `must not contain the key "${key}"`);
    guardJson(field, item, depth + 1);
  }
}

/** JSON text that is the same for equal values, whatever the order of their keys. */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`);
  return `{${members.join(",")}}`;
}
