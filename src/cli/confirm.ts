/** Asking before what cannot be undone. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { usageError } from "./failure.ts";
import { flag } from "./options.ts";
import type { Remote } from "./remote.ts";

export const YES = { yes: flag("Do not ask", { short: "y" }) };

/** Whether to go on. Refuses where nobody can be asked. */
export async function confirmed(
  { terminal, signal }: Pick<Remote, "terminal" | "signal">,
  isSure: boolean,
  question: string,
): Promise<boolean> {
  if (isSure) return true;
  if (!terminal.isInteractive) {
    throw usageError(`${question} Nobody can be asked here: --yes says so beforehand.`);
  }
  terminal.writeError(`${question} [y/N] `);
  const lines = createInterface({ input: terminal.input });
  const stop = (): void => lines.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const [line] = await Promise.race([
      once(lines, "line") as Promise<[string]>,
      once(lines, "close").then(() => [""] as const),
    ]);
    return /^y(es)?$/i.test(line.trim());
  } finally {
    signal.removeEventListener("abort", stop);
    lines.close();
  }
}
