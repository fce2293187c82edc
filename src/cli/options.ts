/** Forms of options and operands: how a text is read, and what is said about it. */
import { usageError } from "./failure.ts";

interface Form<T> {
  readonly summary: string;
  /** The values it takes, where they are few. */
  readonly choices: readonly string[];
  /** For completion. */
  readonly isFile: boolean;
  /** All texts given, in order. `name`: as the user writes it. */
  read(given: readonly string[], name: string): T;
}

export interface Option<T> extends Form<T> {
  /** Placeholder of its value; "" = a flag. */
  readonly takes: string;
  readonly short: string;
  /** The heading it is listed under. */
  readonly group: string;
}

export interface Operand<T> extends Form<T> {
  readonly label: string;
  /** How many have to be given. */
  readonly min: 0 | 1;
  readonly isRepeated: boolean;
}

const OPTIONS = "Options";

interface Extras {
  readonly short?: string;
  readonly group?: string;
}

function option<T>(
  takes: string,
  summary: string,
  read: Form<T>["read"],
  extras: Extras & { readonly choices?: readonly string[]; readonly isFile?: boolean } = {},
): Option<T> {
  const { short = "", group = OPTIONS, choices = [], isFile = false } = extras;
  return { takes, summary, read, short, group, choices, isFile };
}

export function flag(summary: string, extras: Extras = {}): Option<boolean> {
  return option("", summary, (given) => given.length > 0, extras);
}

/** Given twice, the last one counts. */
export function text(takes: string, summary: string, extras: Extras = {}) {
  return option<string | undefined>(takes, summary, (given) => given.at(-1), extras);
}

export function file(summary: string, extras: Extras = {}) {
  return option<string | undefined>("FILE", summary, (given) => given.at(-1), {
    ...extras,
    isFile: true,
  });
}

export function choice(takes: string, choices: readonly string[], summary: string) {
  const read = (given: readonly string[], name: string): string | undefined => {
    for (const value of given) requireChoice(value, choices, name);
    return given.at(-1);
  };
  return option<string | undefined>(takes, summary, read, { choices });
}

/** May be repeated, and holds several separated by commas; in lower case. */
export function choices(takes: string, allowed: readonly string[], summary: string) {
  const read = (given: readonly string[], name: string): readonly string[] => {
    const all = given.flatMap((value) => value.toLowerCase().split(","));
    for (const value of all) requireChoice(value, allowed, name);
    return all;
  };
  return option(takes, summary, read, { choices: allowed });
}

/** `key=value`, may be repeated. */
export function pairs(takes: string, summary: string) {
  const read = (given: readonly string[], name: string): Readonly<Record<string, string>> =>
    Object.fromEntries(
      given.map((pair) => {
        const at = pair.indexOf("=");
        if (at < 1) throw usageError(`${name} takes key=value, not "${pair}"`);
        return [pair.slice(0, at), pair.slice(at + 1)];
      }),
    );
  return option(takes, summary, read);
}

/** A whole number with a default. */
export function count(summary: string, fallback: number, min: number, max: number) {
  const shown = `${summary} (default ${fallback})`;
  return option("N", shown, (given, name) => readCount(given.at(-1), name, fallback, min, max));
}

function readCount(
  value: string | undefined,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max) {
    throw usageError(`${name} takes a whole number from ${min} to ${max}, not "${value}"`);
  }
  return number;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A duration such as 90s, 15m, 12h or 7d, in milliseconds. */
export function duration(summary: string) {
  const read = (given: readonly string[], name: string): number | undefined => {
    const value = given.at(-1);
    if (value === undefined) return undefined;
    const found = /^(\d{1,6})([smhd])$/.exec(value);
    const seconds = Number(found?.[1]) * (UNITS[found?.[2] ?? ""] ?? Number.NaN);
    if (!found) throw usageError(`${name} takes a duration like 15m, 12h or 7d, not "${value}"`);
    return seconds * 1000;
  };
  return option<number | undefined>("TIME", summary, read);
}

function requireChoice(value: string, allowed: readonly string[], name: string): void {
  if (!allowed.includes(value)) {
    throw usageError(`${name} takes ${allowed.join(", ")}; not "${value}"`);
  }
}

interface OperandExtras {
  readonly choices?: readonly string[];
  readonly isFile?: boolean;
}

/** An operand that has to be given. */
export function operand(label: string, summary: string, extras: OperandExtras = {}) {
  const { choices: allowed = [], isFile = false } = extras;
  const read = (given: readonly string[]): string => {
    const [value = ""] = given;
    if (allowed.length > 0) requireChoice(value, allowed, label);
    return value;
  };
  const form: Operand<string> = {
    ...{ label, summary, choices: allowed, isFile, min: 1, isRepeated: false },
    read,
  };
  return form;
}

export function optionalOperand(label: string, summary: string, extras: OperandExtras = {}) {
  const form: Operand<string | undefined> = {
    ...{ label, summary, choices: [], isFile: extras.isFile ?? false, min: 0, isRepeated: false },
    read: (given) => given[0],
  };
  return form;
}

/** One or more; `min` 0: or none. */
export function operands(label: string, summary: string, min: 0 | 1 = 1) {
  const form: Operand<readonly string[]> = {
    ...{ label, summary, choices: [], isFile: false, min, isRepeated: true },
    read: (given) => [...new Set(given)],
  };
  return form;
}
