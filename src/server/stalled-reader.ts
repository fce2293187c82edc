/**
 * Ends streams whose reader has stopped: a half-open connection, or a client that never reads. What
 * it has not taken is in the task's log, so it costs no memory; but it would hold its call for ever.
 */
import type { Clock, Timer } from "../clock.ts";

export interface ReaderWatch {
  /** A reply is on offer. */
  offered(): void;
  /** It was taken. */
  took(): void;
}

export interface WatchedExchange {
  onClose(callback: () => void): void;
  reset(): void;
}

/**
 * Resets the exchange when one reply has been on offer for `timeoutMs` to twice that. One timer per
 * stream looks again and again, which is cheaper than one per reply.
 */
export function watchReader(
  clock: Clock,
  timeoutMs: number,
  exchange: WatchedExchange,
): ReaderWatch {
  let onOffer = false;
  let takenCount = 0;
  let seen = -1;
  let timer: Timer | undefined;

  function look(): void {
    if (onOffer && seen === takenCount) {
      exchange.reset();
      return;
    }
    seen = onOffer ? takenCount : -1;
    timer = clock.setTimer(timeoutMs, look);
  }

  timer = clock.setTimer(timeoutMs, look);
  exchange.onClose(() => timer?.clear());
  return {
    offered() {
      onOffer = true;
    },
    took() {
      onOffer = false;
      takenCount++;
    },
  };
}
