/** JSON from outside, before it gets near a graph. */
import type { JsonValue } from "@bufbuild/protobuf";
import type { Value } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../errors.ts";

/** Deeper values are refused; nothing an agent needs is deeper, and recursion has a price. */
export const MAX_JSON_DEPTH = 64;

const POISONED_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Refuses what could change an object's prototype, what LangChain's serializer would revive as one
 * of its own classes (`{lc: 1, type: "constructor", …}`), what is nested too deeply, and numbers that
 * JSON does not have: the binary form of a Struct carries them.
 */
export function guardJson(field: string, value: JsonValue, depth = 0): void {
  if (typeof value === "number") guardNumber(field, value);
  if (value === null || typeof value !== "object") return;
  guardDepth(field, depth);
  if (Array.isArray(value)) {
    for (const item of value) guardJson(field, item, depth + 1);
    return;
  }
  guardKeys(field, value);
  for (const item of Object.values(value)) guardJson(field, item, depth + 1);
}

/** guardJson for a value that has not become JSON yet, and may have no JSON form. */
export function guardValue(field: string, { kind }: Value, depth = 0): void {
  switch (kind.case) {
    case undefined:
      throw invalidField(field, "must not contain a Value of no kind; JSON's null is null_value");
    case "numberValue":
      guardNumber(field, kind.value);
      return;
    case "structValue":
      guardDepth(field, depth);
      guardKeys(field, kind.value.fields);
      for (const item of Object.values(kind.value.fields)) guardValue(field, item, depth + 1);
      return;
    case "listValue":
      guardDepth(field, depth);
      for (const item of kind.value.values) guardValue(field, item, depth + 1);
      return;
    default:
  }
}

function guardNumber(field: string, value: number): void {
  if (!Number.isFinite(value)) throw invalidField(field, `must not contain ${value}`);
}

function guardDepth(field: string, depth: number): void {
  if (depth >= MAX_JSON_DEPTH) {
    throw invalidField(field, `is nested deeper than ${MAX_JSON_DEPTH} levels`);
  }
}

function guardKeys(field: string, record: object): void {
  if (Object.hasOwn(record, "lc") && "type" in record) {
    throw invalidField(field, 'must not contain an object with the keys "lc" and "type"');
  }
  for (const key of Object.keys(record)) {
    if (POISONED_KEYS.has(key)) throw invalidField(field, `must not contain the key "${key}"`);
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
