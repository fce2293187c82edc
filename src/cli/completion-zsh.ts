/** Completion for zsh's compsys. */
import type { Command } from "./command.ts";
import { type Flag, firstWords, flagsOf, groupsOf, secondWords } from "./completion-words.ts";

export function zshCompletion(table: readonly Command[]): string {
  const groups = groupsOf(table);
  const singles = table.filter(({ name }) => !name.includes(" "));
  return `#compdef agentlane
# Completion of agentlane for zsh: source <(agentlane completion zsh), after compinit
_agentlane() {
  local curcontext="$curcontext" state line
  local -a commands
  if (( CURRENT == 2 )); then
    commands=(
${described(firstWords(table), 6)}
    )
    _describe -t commands 'command' commands
    return
  fi
  case "\${words[2]}" in
    help)
      commands=(${firstWords(table)
        .map(([word]) => quoted(word))
        .join(" ")})
      (( CURRENT == 3 )) && _describe -t commands 'command' commands
      ;;
${groups.map((group) => groupCase(group, table)).join("\n")}
${singles.map((command) => `    ${command.name})\n${shifted(argumentsOf(command), 1, 6)}\n      ;;`).join("\n")}
  esac
}
compdef _agentlane agentlane
`;
}

function groupCase(group: string, table: readonly Command[]): string {
  const members = table.filter(({ name }) => name.startsWith(`${group} `));
  const list = members.find(({ name }) => name === `${group} list`);
  const cases = members.map((command) => {
    const word = command.name.slice(group.length + 1);
    return `        ${word})\n${shifted(argumentsOf(command), 2, 10)}\n          ;;`;
  });
  if (list) cases.push(`        *)\n${shifted(argumentsOf(list), 1, 10)}\n          ;;`);
  const words = secondWords(group, table).map((word) => {
    const about = members.find(({ name }) => name === `${group} ${word}`)?.summary ?? "";
    return [word, about] as const;
  });
  return `    ${group})
      if (( CURRENT == 3 )) && [[ "\${words[3]}" != -* ]]; then
        commands=(
${described(words, 10)}
        )
        _describe -t commands 'command' commands
        return
      fi
      case "\${words[3]}" in
${cases.join("\n")}
      esac
      ;;`;
}

/** _arguments takes the first word for the command: those before the operands are dropped. */
function shifted(specs: readonly string[], count: number, indent: number): string {
  const space = " ".repeat(indent);
  const lines = specs.map((spec) => `${space}  ${spec}`).join(" \\\n");
  return `${space}shift ${count} words; (( CURRENT -= ${count} ))\n${space}_arguments -s \\\n${lines}`;
}

function argumentsOf(command: Command): string[] {
  const operands = Object.values(command.operands).map(({ label, choices, isFile, isRepeated }) => {
    const words = choices.length > 0 ? `(${choices.join(" ")})` : isFile ? "_files" : " ";
    return quoted(`${isRepeated ? "*" : ""}:${label.toLowerCase()}:${words}`);
  });
  return [...flagsOf(command).map(flagSpec), ...operands];
}

function flagSpec({ name, about, takesValue, choices, isFile }: Flag): string {
  const words = choices.length > 0 ? `(${choices.join(" ")})` : isFile ? "_files" : " ";
  const value = takesValue ? `:value:${words}` : "";
  return quoted(`--${name}[${about.replace(/[[\]:\\]/g, "\\$&")}]${value}`);
}

function described(words: readonly (readonly [string, string])[], indent: number): string {
  const line = ([word, about]: readonly [string, string]): string =>
    `${" ".repeat(indent)}${quoted(`${word}:${about.replaceAll(":", "\\:")}`)}`;
  return words.map(line).join("\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
