import type { JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, guardJson, MAX_JSON_DEPTH } from "../../src/tasks/json-guard.ts";

function nested(depth: number, wrap: (inner: JsonValue) => JsonValue): JsonValue {
  let value: JsonValue = 1;
  for (let level = 0; level < depth; level++) value = wrap(value);
  return value;
}

describe("JSON from outside", () => {
  it.each<[string, JsonValue]>([
    ["null", null],
    ["a text that names a class", "constructor"],
    ["an empty object", {}],
    ["lc without type", { lc: 1, id: ["x"] }],
    ["type without lc", { type: "constructor" }],
    ["lc and type side by side in an array", [{ lc: 1 }, { type: "constructor" }]],
    ["64 arrays", nested(MAX_JSON_DEPTH, (inner) => [inner])],
    ["64 objects", nested(MAX_JSON_DEPTH, (inner) => ({ a: inner }))],
  ])("accepts %s", (_, value) => {
    expect(() => guardJson("input", value)).not.toThrow();
  });

  it.each<[string, JsonValue, string]>([
    ["what LangChain revives", { lc: 1, type: "constructor", id: [] }, '"lc" and "type"'],
    ["the same, deep inside", { a: [{ b: { lc: 2, type: "secret" } }] }, '"lc" and "type"'],
    ["__proto__", JSON.parse('{"a":{"__proto__":{"admin":true}}}'), '"__proto__"'],
    ["constructor", { constructor: { name: "x" } }, '"constructor"'],
    ["prototype", [{ prototype: 1 }], '"prototype"'],
    ["65 arrays", nested(MAX_JSON_DEPTH + 1, (inner) => [inner]), "64 levels"],
    ["65 objects", nested(MAX_JSON_DEPTH + 1, (inner) => ({ a: inner })), "64 levels"],
  ])("refuses %s and names the field", (_, value, text) => {
    expect(() => guardJson("resume", value)).toThrow(
      expect.objectContaining({
        kind: "invalid_argument",
        reason: "INVALID_FIELD",
        message: expect.stringContaining(text),
        fieldViolations: [expect.objectContaining({ field: "resume" })],
      }),
    );
  });

  it("is refused for its depth before the stack ends", () => {
    const value = nested(100_000, (inner) => [inner]);
    expect(() => guardJson("input", value)).toThrow("64 levels");
  });
});

describe("canonical JSON", () => {
  /** Keys in another order, at every level. */
  function turned(value: JsonValue): JsonValue {
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(turned);
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, item]) => [key, turned(item)]),
    );
  }

  const json = fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.parse(JSON.stringify(value)));

  it("is JSON of the same value, whatever the order of the keys", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(value);
        expect(canonicalJson(turned(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it("tells values apart that are not equal", () => {
    const texts = [[1, 2], [2, 1], [12], ["12"], { a: 1 }, { a: "1" }, {}, [], null, "", "null"];
    expect(new Set(texts.map(canonicalJson)).size).toBe(texts.length);
  });
});
