/** Lines of one turn of the event loop are printed together: a call writes three, and each print is a system call. */
import type { Clock, Timer } from "../clock.ts";

/** Printed at once, whatever the turn: what a crash could take stays small. */
const MAX_LENGTH = 64 * 1024;

export interface LineBuffer {
  write(line: string): void;
  /** Prints what waits. */
  flush(): void;
}

export function createLineBuffer(
  print: (lines: string) => void,
  clock: Pick<Clock, "setTimer">,
): LineBuffer {
  let waiting = "";
  let timer: Timer | undefined;

  function flush(): void {
    timer?.clear();
    timer = undefined;
    const lines = waiting;
    waiting = "";
    if (lines !== "") print(lines);
  }

  return {
    write(line) {
      waiting += line;
      if (waiting.length >= MAX_LENGTH) flush();
      else timer ??= clock.setTimer(0, flush);
    },
    flush,
  };
}
