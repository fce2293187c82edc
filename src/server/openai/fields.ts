/** Reads JSON of strangers. A refusal names the parameter by its path, as OpenAI's own do. */
import { type AgentlaneError, invalidField } from "../../errors.ts";

/** A value of a request, and where it is: `messages[0].content`. */
export interface Field {
  readonly value: unknown;
  readonly path: string;
}

/** OpenAI takes null for absent everywhere. */
export function isAbsent({ value }: Field): boolean {
  return value === undefined || value === null;
}

/** A member of an object, own members only; `undefined` as its value when there is none. */
export function member(field: Field, name: string): Field {
  const path = field.path === "" ? name : `${field.path}.${name}`;
  return { path, value: Object.hasOwn(record(field), name) ? record(field)[name] : undefined };
}

export function refused({ path }: Field, why: string): AgentlaneError {
  return invalidField(path, why);
}

export function record(field: Field): Readonly<Record<string, unknown>> {
  if (isRecord(field.value)) return field.value;
  throw mismatch(field, "an object");
}

export function list(field: Field): Field[] {
  if (!Array.isArray(field.value)) throw mismatch(field, "a list");
  return field.value.map((value: unknown, index) => ({ value, path: `${field.path}[${index}]` }));
}

export function text(field: Field): string {
  if (typeof field.value === "string") return field.value;
  throw mismatch(field, "a string");
}

/** Text of at most `maxChars`; undefined when absent. */
export function optionalText(field: Field, maxChars: number): string | undefined {
  if (isAbsent(field)) return undefined;
  const value = text(field);
  if (value.length <= maxChars) return value;
  throw refused(field, `has ${value.length} characters, ${maxChars} are allowed`);
}

/** False when absent. */
export function flag(field: Field): boolean {
  if (isAbsent(field)) return false;
  if (typeof field.value === "boolean") return field.value;
  throw mismatch(field, "true or false");
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function mismatch(field: Field, wanted: string): AgentlaneError {
  return refused(field, `must be ${wanted}, not ${nameOf(field.value)}`);
}

function nameOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
