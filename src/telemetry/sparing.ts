/**
 * Warnings that others can cause: whoever writes to a broker could fill the log with them, and a line takes
 * longer than what it tells of.
 */
import type { Clock } from "../clock.ts";

/** Of each message so many lines at once, then one in this time. */
const BURST = 10;
const INTERVAL_MS = 1000;
/** Messages that are told apart. */
const MAX_MESSAGES = 1000;

interface Kind {
  /** When the whole burst is free again: a bucket, kept as that instant. */
  fullAt: number;
  leftOutCount: number;
}

export type Warn = (message: string, error?: unknown) => void;

/** `warn` hears of what was left out, in `fields`, with the next line of its message. */
export function sparingly(
  clock: Clock,
  warn: (message: string, fields: Record<string, unknown>) => void,
): Warn {
  const kinds = new Map<string, Kind>();

  function kindOf(message: string): Kind {
    const known = kinds.get(message);
    if (known) return known;
    if (kinds.size >= MAX_MESSAGES) kinds.clear();
    const kind = { fullAt: Number.NEGATIVE_INFINITY, leftOutCount: 0 };
    kinds.set(message, kind);
    return kind;
  }

  return (message, error) => {
    const nowMs = clock.monotonic();
    const kind = kindOf(message);
    const fullAt = Math.max(kind.fullAt, nowMs) + INTERVAL_MS;
    if (fullAt - nowMs > BURST * INTERVAL_MS) {
      kind.leftOutCount += 1;
      return;
    }
    const { leftOutCount } = kind;
    kind.fullAt = fullAt;
    kind.leftOutCount = 0;
    warn(message, {
      ...(error !== undefined && { error }),
      ...(leftOutCount > 0 && { leftOutCount }),
    });
  };
}
