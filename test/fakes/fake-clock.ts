import { type Clock, sleepOn } from "../../src/clock.ts";

export interface FakeClock extends Clock {
  /** Moves time forward, running due timers in order, and lets their promises settle in between. */
  advance(byMs: number): Promise<void>;
  /** Moves time forward at once, as a blocked loop or a machine that slept does: timers fire late. */
  jump(byMs: number): Promise<void>;
  /** Timers that are set and not cleared. */
  readonly timerCount: number;
}

/** A clock that stands still until told otherwise. */
export function fakeClock(startAtMs = 1_800_000_000_000): FakeClock {
  let nowMs = startAtMs;
  let order = 0;
  const timers = new Map<number, { dueMs: number; callback: () => void }>();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  const clock: FakeClock = {
    now: () => nowMs,
    monotonic: () => nowMs - startAtMs,
    setTimer(delayMs, callback) {
      const id = ++order;
      timers.set(id, { dueMs: nowMs + Math.max(0, delayMs), callback });
      return { clear: () => void timers.delete(id) };
    },
    sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
    async advance(byMs) {
      const endMs = nowMs + byMs;
      await settle();
      for (;;) {
        let next: { id: number; dueMs: number; callback: () => void } | undefined;
        for (const [id, timer] of timers) {
          if (timer.dueMs <= endMs && (!next || timer.dueMs < next.dueMs)) next = { id, ...timer };
        }
        if (!next) break;
        timers.delete(next.id);
        nowMs = Math.max(nowMs, next.dueMs);
        next.callback();
        await settle();
      }
      nowMs = endMs;
      await settle();
    },
    async jump(byMs) {
      await settle();
      nowMs += byMs;
      await clock.advance(0);
    },
    get timerCount() {
      return timers.size;
    },
  };
  return clock;
}
