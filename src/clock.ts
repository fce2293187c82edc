/** Time and chance are injected, so that tests own them. Nothing outside this file touches the real ones. */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds of a clock that never jumps; for durations. */
  monotonic(): number;
  /** Calls `callback` once after `delayMs`, unless cleared. Never keeps the process alive. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Resolves after `delayMs`, or at once when `signal` aborts (it never rejects). */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export interface Timer {
  /** Idempotent; after it the callback never runs. */
  clear(): void;
}

/** Uniform in [0, 1). */
export type Random = () => number;

/** setTimeout fires at once for longer delays; longer waits are chained. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    if (delayMs <= 0) return soon(callback);
    let handle: NodeJS.Timeout;
    const arm = (remainingMs: number): void => {
      const stepMs = Math.min(Math.max(remainingMs, 0), MAX_TIMEOUT_MS);
      handle = setTimeout(() => {
        if (remainingMs > stepMs) arm(remainingMs - stepMs);
        else callback();
      }, stepMs);
      handle.unref();
    };
    arm(delayMs);
    return { clear: () => clearTimeout(handle) };
  },
  sleep: (delayMs, signal) => sleepOn(systemClock, delayMs, signal),
};

/**
 * The instant 0 of this thread's `monotonic`, in milliseconds of a clock that all threads of the
 * process share: each counts from its own start.
 */
export function monotonicOrigin(): number {
  return Number(process.hrtime.bigint()) / 1e6 - performance.now();
}

/** setTimeout takes a millisecond for 0; this is the next turn of the loop. */
function soon(callback: () => void): Timer {
  const handle = setImmediate(callback);
  handle.unref();
  return { clear: () => clearImmediate(handle) };
}

/** Keeps the process alive, which timers of the clock do not; until cleared. */
export function holdProcess(): Timer {
  const handle = setInterval(() => undefined, MAX_TIMEOUT_MS);
  return { clear: () => clearInterval(handle) };
}

export const systemRandom: Random = () => Math.random();

/** `Clock.sleep` for any clock that has timers. */
export function sleepOn(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      timer.clear();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.setTimer(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
