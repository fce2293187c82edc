/** What can follow, for all shells. */
import type { Command } from "./command.ts";
import { HELP_OPTION } from "./parse.ts";

/** First words, with what they are about; help, which is no entry, too. */
export function firstWords(table: readonly Command[]): (readonly [string, string])[] {
  const words = new Map<string, string>();
  for (const { name, summary } of table) {
    const [first = name] = name.split(" ");
    const group = table.filter((other) => other.name.startsWith(`${first} `));
    const about = group.length > 0 ? `${secondWords(first, table).join(", ")}` : summary;
    if (!words.has(first)) words.set(first, about);
  }
  return [...words, ["help", "Says more about a command"]];
}

export function secondWords(group: string, table: readonly Command[]): string[] {
  return table
    .filter(({ name }) => name.startsWith(`${group} `))
    .map(({ name }) => name.slice(group.length + 1));
}

export function groupsOf(table: readonly Command[]): string[] {
  const groups = table.filter(({ name }) => name.includes(" "));
  return [...new Set(groups.map(({ name }) => name.split(" ")[0] ?? name))];
}

export interface Flag {
  readonly name: string;
  readonly short: string;
  readonly about: string;
  /** Whether a value follows. */
  readonly takesValue: boolean;
  readonly choices: readonly string[];
  readonly isFile: boolean;
}

export function flagsOf({ options }: Command): Flag[] {
  const own = Object.entries(options).map(([name, { short, summary, takes, choices, isFile }]) => ({
    ...{ name, short, about: summary, takesValue: takes !== "", choices, isFile },
  }));
  const { short, summary: about } = HELP_OPTION;
  return [...own, { name: "help", short, about, takesValue: false, choices: [], isFile: false }];
}

/** What an operand may be, where that is known. */
export function operandWords({ operands }: Command): { choices: string[]; isFile: boolean } {
  const all = Object.values(operands);
  return {
    choices: all.flatMap(({ choices }) => choices),
    isFile: all.some(({ isFile }) => isFile),
  };
}
