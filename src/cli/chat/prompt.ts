/** Lines of a person or of a pipe. */
import { createInterface } from "node:readline";
import type { Terminal } from "../terminal.ts";

export interface Prompt {
  /** The next line; undefined at the end of the input. */
  read(label: string): Promise<string | undefined>;
  /** Shows the line again, after something else was written. */
  refresh(): void;
  /** Leaves: nothing is read any more, even what waits. */
  close(): void;
}

/** `interrupt`: Ctrl-C, which a terminal in raw mode hands over as a key. */
export function openPrompt(terminal: Terminal, interrupt: () => void): Prompt {
  const { input, output, isInteractive } = terminal;
  const lines = isInteractive
    ? createInterface({ input, output, terminal: true })
    : createInterface({ input });
  lines.on("SIGINT", interrupt);
  // Made at once, so that no line of a pipe is missed; it pauses the input when many wait.
  const iterator = lines[Symbol.asyncIterator]();
  let isLeft = false;
  let isAtEnd = false;
  lines.on("close", () => {
    isAtEnd = true;
  });
  return {
    async read(label) {
      // What was typed ahead is not said any more.
      if (isLeft) return undefined;
      if (isInteractive && !isAtEnd) {
        lines.setPrompt(label);
        lines.prompt();
      }
      const next = await iterator.next();
      return next.done ? undefined : next.value;
    },
    refresh: () => lines.prompt(true),
    close() {
      isLeft = true;
      lines.close();
    },
  };
}
