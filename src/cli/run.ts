/** Runs a command line to its exit code. */
import { VERSION } from "../version.ts";
import type { Context } from "./command.ts";
import { failureOf, report } from "./failure.ts";
import { helpText } from "./help.ts";
import { parseCommandLine } from "./parse.ts";

/** Everything that goes wrong ends here: a line (or, with --json, a document) on standard error. */
export async function runCommandLine(words: readonly string[], context: Context): Promise<number> {
  const { terminal, commands } = context;
  try {
    const parsed = parseCommandLine(words, commands);
    if (parsed.kind === "run") return await parsed.command.run(parsed.given, context);
    await terminal.write(`${helpText(parsed.topic, commands, VERSION)}\n`);
    return 0;
  } catch (error) {
    return report(terminal, words.includes("--json"), failureOf(error));
  }
}
