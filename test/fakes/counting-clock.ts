import { type Clock, sleepOn, systemClock } from "../../src/clock.ts";

/** The real clock, which knows how many timers are set and neither cleared nor fired. */
export interface CountingClock extends Clock {
  readonly timerCount: number;
}

export function countingClock(): CountingClock {
  const timers = new Set<object>();
  const clock: CountingClock = {
    ...systemClock,
    setTimer(delayMs, callback) {
      const key = {};
      timers.add(key);
      const timer = systemClock.setTimer(delayMs, () => {
        timers.delete(key);
        callback();
      });
      return {
        clear: () => {
          timers.delete(key);
          timer.clear();
        },
      };
    },
    sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
    get timerCount() {
      return timers.size;
    },
  };
  return clock;
}
