/** The commands for operators, clients of the public services, in the order of the help. */
import type { Command } from "./command.ts";
import { agentCommand, agentsCommand, validateAgentCommand } from "./commands/agents.ts";
import { chatCommand } from "./commands/chat.ts";
import {
  deadLetterCommand,
  deadLettersCommand,
  purgeCommand,
  redriveCommand,
} from "./commands/dead-letters.ts";
import { createKeyCommand, keysCommand, revokeKeyCommand } from "./commands/keys.ts";
import { exportCommand, importCommand } from "./commands/session-files.ts";
import {
  destroyCommand,
  instancesCommand,
  sessionCommand,
  sessionsCommand,
} from "./commands/sessions.ts";
import { statusCommand } from "./commands/status.ts";
import { cancelCommand, taskCommand, tasksCommand } from "./commands/tasks.ts";
import { deleteTenantCommand } from "./commands/tenants.ts";
import { watchCommand } from "./commands/watch.ts";

export const OPERATOR_COMMANDS: readonly Command[] = [
  statusCommand,
  tasksCommand,
  taskCommand,
  watchCommand,
  cancelCommand,
  sessionsCommand,
  sessionCommand,
  instancesCommand,
  destroyCommand,
  exportCommand,
  importCommand,
  deadLettersCommand,
  deadLetterCommand,
  purgeCommand,
  redriveCommand,
  agentsCommand,
  agentCommand,
  validateAgentCommand,
  keysCommand,
  createKeyCommand,
  revokeKeyCommand,
  deleteTenantCommand,
  chatCommand,
];
