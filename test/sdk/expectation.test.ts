/** The judge of all SDKs must not be lenient. */
import type { JsonValue } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { differences } from "./expectation.ts";
import { filled } from "./placeholders.ts";
import { loadScenarios } from "./scenario-file.ts";

test.each<[JsonValue, JsonValue | undefined, boolean]>([
  [1, 1, true],
  [1, "1", false],
  ["a", undefined, false],
  [{ a: 1 }, { a: 1, b: 2 }, true],
  [{ a: 1 }, { b: 2 }, false],
  [{ a: 1 }, [1], false],
  [[1, 2], [1, 2], true],
  [[1, 2], [1, 2, 3], false],
  [[], [], true],
  [{ a: { $absent: true } }, {}, true],
  [{ a: { $absent: true } }, { a: null }, false],
  [{ $any: true }, false, true],
  [{ $any: true }, undefined, false],
  [{ $match: "^b" }, "abc", false],
  [{ $match: "b" }, "abc", true],
  [{ $includes: "b" }, ["a", "b"], true],
  [{ $includes: "b" }, ["a"], false],
  [{ $dense: 2 }, [2, 3, 4], true],
  [{ $dense: 2 }, [2, 4], false],
  [{ $dense: 2 }, [2, 2], false],
  [{ $dense: 2 }, [], false],
  [{ $atLeast: 2 }, 2, true],
  [{ $atLeast: 2 }, 1, false],
])("%j is met by %j: %j", (expected, actual, isMet) => {
  expect(differences(expected, actual).length === 0).toBe(isMet);
});

test("an operator that does not exist is a mistake, not a match", () => {
  expect(() => differences({ $dens: 1 }, [1])).toThrow("$dens");
});

test("placeholders and long texts are filled", () => {
  const value = { a: [`\${x}-1`], b: { $text: ["ab", 2] }, c: { $tokens: 2 } };
  const names = new Map([["x", "s"]]);
  expect(filled(value, names)).toEqual({ a: ["s-1"], b: "abab", c: "t0 t1" });
  expect(() => filled(`\${y}`, names)).toThrow("y");
});

test("the cases are well formed and have names of their own", () => {
  const names = loadScenarios().map(({ name }) => name);
  expect(names.length).toBeGreaterThan(30);
  expect(new Set(names).size).toBe(names.length);
});
