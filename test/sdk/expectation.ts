/** Compares an observation with an expectation, after its placeholders are filled. */
import type { JsonValue } from "@bufbuild/protobuf";

/** What differs, by path; empty = it matches. */
export function differences(
  expected: JsonValue,
  actual: JsonValue | undefined,
  path = "",
): string[] {
  const differs = (wanted: string): string[] => [
    `${path || "observation"}: wanted ${wanted}, got ${clipped(actual)}`,
  ];
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) {
      return differs(clipped(expected));
    }
    return expected.flatMap((item, index) => differences(item, actual[index], `${path}[${index}]`));
  }
  if (typeof expected !== "object" || expected === null) {
    return expected === actual ? [] : differs(clipped(expected));
  }
  const [operator = "", operand = null] = Object.entries(expected)[0] ?? [];
  if (operator.startsWith("$"))
    return holds(operator, operand, actual) ? [] : differs(clipped(expected));
  if (typeof actual !== "object" || actual === null || Array.isArray(actual)) {
    return differs(clipped(expected));
  }
  return Object.entries(expected).flatMap(([key, value]) =>
    differences(value, actual[key], path === "" ? key : `${path}.${key}`),
  );
}

function holds(operator: string, operand: JsonValue, actual: JsonValue | undefined): boolean {
  switch (operator) {
    case "$absent":
      return actual === undefined;
    case "$any":
      return actual !== undefined;
    case "$match":
      return typeof actual === "string" && new RegExp(String(operand)).test(actual);
    case "$includes":
      return Array.isArray(actual) && actual.includes(operand);
    case "$dense":
      return (
        Array.isArray(actual) &&
        actual.length > 0 &&
        actual.every((item, index) => item === Number(operand) + index)
      );
    case "$atLeast":
      return typeof actual === "number" && actual >= Number(operand);
    default:
      throw new Error(`unknown operator ${operator}`);
  }
}

function clipped(value: JsonValue | undefined): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= 300 ? text : `${text.slice(0, 300)}… (${text.length} characters)`;
}
