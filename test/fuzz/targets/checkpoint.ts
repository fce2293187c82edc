/** A graph's saved state: user data stays data, and damaged bytes are refused. */
import { isBaseMessage } from "@langchain/core/messages";
import {
  decodeCheckpoint,
  encodeCheckpoint,
} from "../../../src/executor/langgraph/checkpoint-codec.ts";
import { assert, assertSame, jsonOf } from "../expectations.ts";

export function fuzz(data: Buffer): void {
  const json = jsonOf(data);
  if (json === undefined) return;
  assertSame(decodeCheckpoint(encodeCheckpoint(json)), withoutPrototypes(json), "state");
  try {
    assertKnown(decodeCheckpoint(data), 0);
  } catch (error) {
    // A damaged checkpoint fails its turn, in words.
    if (!(error instanceof Error) || error instanceof ReferenceError) throw error;
    if (error.message.startsWith("a checkpoint became")) throw error;
  }
  assert(Object.keys(Object.prototype).length === 0, "the prototype of all objects was changed");
}

function withoutPrototypes(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), function (this: object, key, item: unknown) {
    return key === "__proto__" ? undefined : item;
  });
}

const PLAIN: readonly unknown[] = [
  Object.prototype,
  Array.prototype,
  Date.prototype,
  Set.prototype,
  Map.prototype,
  RegExp.prototype,
  URL.prototype,
  Error.prototype,
  Uint8Array.prototype,
  null,
];

function assertKnown(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null || isBaseMessage(value) || depth > 64) return;
  const name = value.constructor?.name;
  const isKnown = PLAIN.includes(Object.getPrototypeOf(value)) || name === "Send";
  if (!isKnown) throw new Error(`a checkpoint became a ${name}`);
  for (const item of Object.values(value)) assertKnown(item, depth + 1);
}
