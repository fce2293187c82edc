/** The commands for operators: clients of the public services. */
import type { Command } from "./command.ts";
import { statusCommand } from "./commands/status.ts";

export const OPERATOR_COMMANDS: readonly Command[] = [statusCommand];
