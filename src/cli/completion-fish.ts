/** Completion for fish, 3.0 and later. */
import type { Command } from "./command.ts";
import { firstWords, flagsOf, groupsOf, operandWords } from "./completion-words.ts";

export function fishCompletion(table: readonly Command[]): string {
  const groups = groupsOf(table);
  const lines = [
    "# Completion of agentlane for fish: agentlane completion fish | source",
    "function __agentlane_command",
    "  set -l words (commandline -opc)",
    "  set -e words[1]",
    `  if contains -- "$words[1]" ${groups.join(" ")}`,
    '    if set -q words[2]; and not string match -q -- "-*" $words[2]',
    '      echo "$words[1] $words[2]"',
    "    else",
    '      echo "$words[1] list"',
    "    end",
    "  else",
    '    echo "$words[1]"',
    "  end",
    "end",
    "function __agentlane_in",
    '  test (__agentlane_command) = "$argv"',
    "end",
    "function __agentlane_at",
    "  set -l words (commandline -opc)",
    '  test (count $words) -eq 2; and test "$words[2]" = "$argv[1]"',
    "end",
    "complete -c agentlane -f",
  ];
  for (const [word, about] of firstWords(table)) {
    const offer = `-a ${word} -d ${quoted(about)}`;
    lines.push(`complete -c agentlane -n 'test (count (commandline -opc)) -eq 1' ${offer}`);
    lines.push(`complete -c agentlane -n '__agentlane_at help' ${offer}`);
  }
  for (const command of table) {
    const [group = "", word] = command.name.split(" ");
    if (word === undefined) continue;
    const offer = `-a ${word} -d ${quoted(command.summary)}`;
    lines.push(`complete -c agentlane -n '__agentlane_at ${group}' ${offer}`);
  }
  for (const command of table) lines.push(...commandLines(command));
  return `${lines.join("\n")}\n`;
}

function commandLines(command: Command): string[] {
  const start = `complete -c agentlane -n '__agentlane_in ${command.name}'`;
  const flags = flagsOf(command).map(({ name, short, about, takesValue, choices, isFile }) => {
    const words = choices.length > 0 ? ` -a ${quoted(choices.join(" "))}` : "";
    const value = !takesValue ? "" : isFile ? " -r -F" : ` -x${words}`;
    return `${start} -l ${name}${short && ` -s ${short}`}${value} -d ${quoted(about)}`;
  });
  const { choices, isFile } = operandWords(command);
  if (choices.length > 0) flags.push(`${start} -a ${quoted(choices.join(" "))}`);
  if (isFile) flags.push(`${start} -F`);
  return flags;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
