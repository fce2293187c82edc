/** Progress of long work, on standard error and for people only. */
import type { Terminal } from "./terminal.ts";

export interface Progress {
  advance(doneCount: number): void;
  /** Takes the line away. Idempotent. */
  end(): void;
}

/** `totalCount` 0 = unknown. */
export function startProgress(
  terminal: Pick<Terminal, "showsProgress" | "writeError">,
  what: string,
  totalCount: number,
): Progress {
  let isShown = false;
  return {
    advance(doneCount) {
      if (!terminal.showsProgress) return;
      isShown = true;
      // More may have come than there were when the work began.
      const total = Math.max(totalCount, doneCount);
      const part =
        totalCount > 0 ? ` of ${total} (${Math.floor((100 * doneCount) / total)} %)` : "";
      terminal.writeError(`\r\u001b[K${what} ${doneCount}${part}`);
    },
    end() {
      if (isShown) terminal.writeError("\r\u001b[K");
      isShown = false;
    },
  };
}
