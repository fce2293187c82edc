/** From words to an entry of the table and what it was given. */
import { parseArgs } from "node:util";
import type { Command, Given, Operands } from "./command.ts";
import { usageError } from "./failure.ts";
import { nearest } from "./suggest.ts";

/** Options of every command. */
export const HELP_OPTION = { short: "h", summary: "Show this help" };

export type Parsed =
  | { readonly kind: "help"; readonly topic: string }
  | { readonly kind: "run"; readonly command: Command; readonly given: Given };

export function parseCommandLine(words: readonly string[], table: readonly Command[]): Parsed {
  const [first = "help", ...others] = words;
  if (first === "--version" || first === "-v") return parseCommandLine(["version"], table);
  if (first === "help") return { kind: "help", topic: topicOf(others, table) };
  if (first === "--help" || first === "-h") return { kind: "help", topic: "" };
  if (first.startsWith("-")) {
    throw usageError(`options come after the command: agentlane COMMAND ${first}`);
  }
  const { command, rest } = findCommand(words, table);
  if (asksForHelp(rest)) {
    const isGroup = rest.length === words.length - 1 && command.name !== first;
    return { kind: "help", topic: isGroup ? first : command.name };
  }
  return { kind: "run", command, given: parseWords(command, rest) };
}

function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  const options = end < 0 ? words : words.slice(0, end);
  return options.includes("--help") || options.includes("-h");
}

function topicOf(words: readonly string[], table: readonly Command[]): string {
  const topic = words.join(" ");
  const isKnown = table.some(({ name }) => name === topic || name.startsWith(`${topic} `));
  if (topic === "" || isKnown) return topic;
  throw unknownCommand(topic, table);
}

interface Found {
  readonly command: Command;
  readonly rest: readonly string[];
}

/** The longest name that the words begin with; a group alone is its list. */
function findCommand(words: readonly string[], table: readonly Command[]): Found {
  const [first = "", second = ""] = words;
  const byName = (name: string) => table.find((command) => command.name === name);
  const pair = byName(`${first} ${second}`);
  if (pair) return { command: pair, rest: words.slice(2) };
  const single = byName(first);
  if (single) return { command: single, rest: words.slice(1) };
  const members = table.filter(({ name }) => name.startsWith(`${first} `));
  if (members.length === 0) throw unknownCommand(first, table);
  const list = byName(`${first} list`);
  if (list && (second === "" || second.startsWith("-"))) {
    return { command: list, rest: words.slice(1) };
  }
  const names = members.map(({ name }) => name.slice(first.length + 1));
  if (second === "" || second.startsWith("-")) {
    throw usageError(`agentlane ${first} needs one of ${names.join(", ")}`);
  }
  throw unknown(`command "${first} ${second}"`, second, names, `agentlane ${first} --help`);
}

function unknownCommand(word: string, table: readonly Command[]) {
  const names = new Set(table.map(({ name }) => name.split(" ")[0] ?? name));
  return unknown(`command "${word}"`, word, [...names], "agentlane help");
}

function unknown(what: string, word: string, known: readonly string[], help: string) {
  const meant = nearest(word, known);
  const guess = meant ? `: did you mean "${meant}"?` : ".";
  return usageError(`unknown ${what}${guess} See "${help}".`);
}

function parseWords(command: Command, words: readonly string[]): Given {
  const { options, name } = command;
  const entries = Object.entries(options).map(([key, { takes, short }]) => {
    const type: "boolean" | "string" = takes === "" ? "boolean" : "string";
    return [key, { type, multiple: true, ...(short && { short }) }] as const;
  });
  const config = Object.fromEntries(entries);
  const { tokens } = parseArgs({
    args: [...words],
    options: config,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const given: Record<string, string[]> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const spec = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (!spec) {
      const known = Object.keys(options).map((key) => `--${key}`);
      throw unknown(`option "${token.rawName}"`, token.rawName, known, `agentlane ${name} --help`);
    }
    if (spec.takes === "" && token.value !== undefined) {
      throw usageError(`${token.rawName} takes no value`);
    }
    const isMissing = token.value === undefined || (!token.inlineValue && /^-./.test(token.value));
    if (spec.takes !== "" && isMissing) {
      throw usageError(`${token.rawName} needs a value: ${token.rawName} ${spec.takes}`);
    }
    const values = given[token.name] ?? [];
    given[token.name] = [...values, token.value ?? "true"];
  }
  return { ...given, ...assign(positionals, command.operands, name) };
}

function assign(words: readonly string[], operands: Operands, command: string): Given {
  const given: Record<string, string[]> = {};
  let rest = [...words];
  for (const [name, { label, min, isRepeated }] of Object.entries(operands)) {
    const own = isRepeated ? rest : rest.slice(0, 1);
    rest = isRepeated ? [] : rest.slice(1);
    if (own.length < min) {
      throw usageError(`${label} is missing. See "agentlane ${command} --help".`);
    }
    given[name] = own;
  }
  const [extra] = rest;
  if (extra !== undefined) {
    throw usageError(`unexpected argument "${extra}". See "agentlane ${command} --help".`);
  }
  return given;
}
