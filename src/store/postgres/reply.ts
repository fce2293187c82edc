/** Answers of functions and queries, narrowed. What does not fit is a fault of ours, not of a caller. */
import { AgentlaneError } from "../../errors.ts";
import { timestamp } from "../../timestamp.ts";
import { readText } from "./names.ts";

/** A JSON object. */
export class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(answer: unknown) {
    if (!isRecord(answer)) throw unexpected(answer);
    this.#fields = answer;
  }

  /** 0 when absent. */
  number(name: string): number {
    const value = this.#fields[name] ?? 0;
    if (typeof value !== "number") throw unexpected(value);
    return value;
  }

  /** Undefined when absent. */
  optionalNumber(name: string): number | undefined {
    return this.#fields[name] == null ? undefined : this.number(name);
  }

  flag(name: string): boolean {
    return this.#fields[name] === true;
  }

  /** Empty when absent. */
  text(name: string): string {
    const value = this.#fields[name] ?? "";
    if (typeof value !== "string") throw unexpected(value);
    return readText(value);
  }

  /** Empty when absent. */
  bytes(name: string): Buffer {
    const value = this.#fields[name] ?? "\\x";
    if (typeof value !== "string" || !value.startsWith("\\x")) throw unexpected(value);
    return Buffer.from(value.slice(2), "hex");
  }

  /** Undefined when absent. */
  instant(name: string): ReturnType<typeof timestamp> | undefined {
    const value = this.optionalNumber(name);
    return value === undefined ? undefined : timestamp(value);
  }

  /** Empty when absent. */
  list(name: string): readonly unknown[] {
    const value = this.#fields[name] ?? [];
    if (!Array.isArray(value)) throw unexpected(value);
    return value;
  }

  /** Undefined when absent. */
  fields(name: string): Fields | undefined {
    const value = this.#fields[name];
    return value == null ? undefined : new Fields(value);
  }
}

/** Of an answer that has one; empty otherwise. */
export function outcomeOf(answer: unknown): unknown {
  return isRecord(answer) ? answer.outcome : "";
}

function isRecord(answer: unknown): answer is Readonly<Record<string, unknown>> {
  return typeof answer === "object" && answer !== null;
}

export function unexpected(answer: unknown): AgentlaneError {
  return new AgentlaneError(
    "internal",
    "POSTGRES_ANSWER",
    `PostgreSQL answered a ${typeof answer}`,
  );
}
