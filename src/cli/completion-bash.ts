/** Completion for bash, 3.2 and later, without bash-completion. */
import type { Command } from "./command.ts";
import { firstWords, flagsOf, groupsOf, operandWords, secondWords } from "./completion-words.ts";

export function bashCompletion(table: readonly Command[]): string {
  const first = firstWords(table).map(([word]) => word);
  const groups = groupsOf(table);
  const valueFlags = new Set(
    table.flatMap((command) => flagsOf(command).filter(({ takesValue }) => takesValue)),
  );
  const names = [...new Set([...valueFlags].map(({ name }) => `--${name}`))];
  return `# Completion of agentlane for bash: source <(agentlane completion bash)
_agentlane() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="\${COMP_WORDS[1]}" options="" values="" files=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ] || { [ "$COMP_CWORD" -eq 2 ] && [ "$command" = help ]; }; then
    COMPREPLY=($(compgen -W "${first.join(" ")}" -- "$current"))
    return
  fi
  case "$command" in
${groups.map((group) => groupCase(group, table)).join("\n")}
  esac
  case "$command:$previous" in
${table.flatMap(valueCases).join("\n")}
  esac
  case "$previous" in
    ${names.join("|")}) return ;;
  esac
  case "$command" in
${table.map(commandCase).join("\n")}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *)
      COMPREPLY=($(compgen -W "$values" -- "$current"))
      [ -n "$files" ] && COMPREPLY+=($(compgen -f -- "$current"))
      ;;
  esac
}
complete -o filenames -F _agentlane agentlane
`;
}

/** Finds the group's member, and offers them in second place. */
function groupCase(group: string, table: readonly Command[]): string {
  const words = secondWords(group, table);
  const hasList = words.includes("list");
  return `    ${group})
      if [ "$COMP_CWORD" -eq 2 ] && [ "\${current#-}" = "$current" ]; then
        COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$current"))
        return
      fi
      case "\${COMP_WORDS[2]}" in
        ${words.join("|")}) command="${group} \${COMP_WORDS[2]}" ;;
        *) command="${group}${hasList ? " list" : ""}" ;;
      esac
      ;;`;
}

function valueCases(command: Command): string[] {
  return flagsOf(command).flatMap(({ name, choices, isFile, takesValue }) => {
    if (!takesValue || (choices.length === 0 && !isFile)) return [];
    const words = isFile ? "-f" : `-W "${choices.join(" ")}"`;
    const reply = `COMPREPLY=($(compgen ${words} -- "$current"))`;
    return [`    "${command.name}:--${name}") ${reply}; return ;;`];
  });
}

function commandCase(command: Command): string {
  const options = flagsOf(command).map(({ name }) => `--${name}`);
  const { choices, isFile } = operandWords(command);
  const values = choices.length > 0 ? ` values="${choices.join(" ")}"` : "";
  return `    "${command.name}") options="${options.join(" ")}"${values}${isFile ? " files=1" : ""} ;;`;
}
