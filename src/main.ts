#!/usr/bin/env node
/** The command line: an outline. The commands are in the tables, what they share is in src/cli/. */
import { OPERATOR_COMMANDS } from "./cli/operator-commands.ts";
import { runCommandLine } from "./cli/run.ts";
import { createTerminal } from "./cli/terminal.ts";
import { allowsColor, environmentWith, loadClientConfig } from "./config.ts";
import { PROCESS_COMMANDS } from "./main-commands.ts";

const { stdin: input, stdout: output, stderr: errors } = process;

const exitCode = await runCommandLine(process.argv.slice(2), {
  terminal: createTerminal({ input, output, errors }, allowsColor(), () => process.exit(0)),
  commands: [...PROCESS_COMMANDS, ...OPERATOR_COMMANDS],
  connection: (given) => loadClientConfig(environmentWith(given)),
});
// A command that failed may have left a timer or a socket behind.
if (exitCode === 0) process.exitCode = 0;
else process.exit(exitCode);
