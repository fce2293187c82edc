/** Help texts, made from the table. */
import type { Command, Operands } from "./command.ts";
import { HELP_OPTION } from "./parse.ts";

/** `topic`: a command, a group, or "" for everything. */
export function helpText(topic: string, table: readonly Command[], version: string): string {
  const command = table.find(({ name }) => name === topic);
  if (command) return commandHelp(command);
  const members = table.filter(({ name }) => name.startsWith(`${topic} `));
  if (members.length > 0) return groupHelp(topic, members);
  return overview(table, version);
}

function overview(table: readonly Command[], version: string): string {
  return `agentlane ${version}

Usage: agentlane COMMAND [OPTIONS]

${rows(table.map((command) => [signature(command), command.summary]))}

"agentlane help COMMAND" or "agentlane COMMAND --help" says more.
The environment configures what serves and how it is reached: README.md, "Configuration".
Commands, output and exit codes for operators: docs/cli.md.`;
}

function groupHelp(topic: string, members: readonly Command[]): string {
  return `Usage: agentlane ${topic} COMMAND [OPTIONS]

${rows(members.map((command) => [signature(command), command.summary]))}

"agentlane ${topic} COMMAND --help" says more.`;
}

function commandHelp(command: Command): string {
  const { summary, details, options, operands } = command;
  const sections = [`Usage: agentlane ${signature(command)} [OPTIONS]`, `${summary}.`];
  if (details) sections.push(details);
  const given = Object.values(operands).map(({ label, summary: about }) => [label, about] as const);
  if (given.length > 0) sections.push(`Arguments:\n${rows(given)}`);
  const groups = new Map<string, (readonly [string, string])[]>();
  for (const [key, { takes, short, group, choices, summary: about }] of Object.entries(options)) {
    const values = choices.length > 0 ? `: ${choices.join(", ")}` : "";
    const shown = `${short ? `-${short}, ` : "    "}--${key}${takes && ` ${takes}`}`;
    groups.set(group, [...(groups.get(group) ?? []), [shown, `${about}${values}`]]);
  }
  const own = groups.get("Options") ?? [];
  groups.delete("Options");
  const help = [`-${HELP_OPTION.short}, --help`, HELP_OPTION.summary] as const;
  sections.push(`Options:\n${rows([...own, help])}`);
  for (const [group, lines] of groups) sections.push(`${group}:\n${rows(lines)}`);
  return sections.join("\n\n");
}

/** The command with its operands, as one writes it. */
function signature({ name, operands }: Command): string {
  return [name, ...Object.values(operands).map(operandShown)].join(" ");
}

function operandShown({ label, min, isRepeated }: Operands[string]): string {
  const shown = isRepeated ? `${label}...` : label;
  return min === 0 ? `[${shown}]` : shown;
}

function rows(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`).join("\n");
}
