/** `agentlane completion SHELL`: scripts made from the table, so that they say what there is. */
import { defineCommand } from "./command.ts";
import { bashCompletion } from "./completion-bash.ts";
import { fishCompletion } from "./completion-fish.ts";
import { zshCompletion } from "./completion-zsh.ts";
import { operand } from "./options.ts";

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export const completionCommand = defineCommand({
  name: "completion",
  summary: "Prints a completion script for bash, zsh or fish",
  details: `Load it in the shell's start-up file:
  bash   source <(agentlane completion bash)
  zsh    source <(agentlane completion zsh)      after compinit
  fish   agentlane completion fish | source`,
  options: {},
  operands: {
    shell: operand("SHELL", "The shell", { choices: Object.keys(SHELLS) }),
  },
  async run({ shell }, { terminal, commands }) {
    const script = Object.entries(SHELLS).find(([name]) => name === shell)?.[1];
    await terminal.write(script?.(commands) ?? "");
    return 0;
  },
});
