/** Where a command writes, and what is there: a person at a terminal, a pipe, a file. */
import type { Readable, Writable } from "node:stream";

export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable;
  /** Whether somebody sits there and can be asked. */
  readonly isInteractive: boolean;
  /** Whether progress on standard error is seen by a person. */
  readonly showsProgress: boolean;
  /** Of standard output; undefined = not a terminal, nothing is cut. */
  readonly columns: number | undefined;
  readonly hasColor: boolean;
  /** Resolves when the reader can take more. */
  write(text: string): Promise<void>;
  writeError(text: string): void;
}

type Stream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export function createTerminal(
  streams: { input: Readable & { readonly isTTY?: boolean }; output: Stream; errors: Stream },
  allowsColor: boolean,
  /** Called when `| head` has read enough: nobody is left to tell, and it is no failure. */
  onBrokenPipe: () => void,
): Terminal {
  const { input, output, errors } = streams;
  // With the first write: a server writes its log by itself and does not end with its reader.
  let isGuarded = false;
  const guard = (): void => {
    if (isGuarded) return;
    isGuarded = true;
    for (const stream of [output, errors]) {
      stream.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "EPIPE") throw error;
        onBrokenPipe();
      });
    }
  };
  const isTty = output.isTTY ?? false;
  return {
    input,
    output,
    isInteractive: (input.isTTY ?? false) && (errors.isTTY ?? false),
    showsProgress: errors.isTTY ?? false,
    columns: isTty ? (output.columns ?? 80) : undefined,
    hasColor: isTty && allowsColor,
    write(text) {
      guard();
      return new Promise((resolve) => {
        if (output.write(text)) resolve();
        else output.once("drain", resolve);
      });
    },
    writeError(text) {
      guard();
      errors.write(text);
    },
  };
}

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof STYLES;

export function styled(terminal: Pick<Terminal, "hasColor">, style: Style, text: string): string {
  return terminal.hasColor ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
}
