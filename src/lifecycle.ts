/** The life of a long-lived part, written once. */

export interface Service {
  /** Resolves when the part is ready. A second start of a started part does nothing. */
  start(): Promise<void>;
  /** Resolves when everything the part owned is released. Idempotent, also before start. */
  stop(): Promise<void>;
}

/**
 * Serializes start and stop of a part and makes both idempotent: whatever the order of the calls,
 * `open` and `close` alternate and never overlap. When `open` throws, `close` runs before the error
 * surfaces, so that a half-started part holds nothing.
 */
export function service(open: () => Promise<void>, close: () => Promise<void>): Service {
  let started = false;
  let tail: Promise<void> = Promise.resolve();
  const next = (step: () => Promise<void>): Promise<void> => {
    const run = tail.then(step);
    tail = run.catch(() => undefined);
    return run;
  };
  return {
    start: () =>
      next(async () => {
        if (started) return;
        try {
          await open();
          started = true;
        } catch (error) {
          await close();
          throw error;
        }
      }),
    stop: () =>
      next(async () => {
        if (!started) return;
        started = false;
        await close();
      }),
  };
}

/** Starts in order, stops in reverse. When one fails to start, those before it are stopped again. */
export function inOrder(parts: readonly Service[]): Service {
  const stopAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const part of [...parts].reverse()) {
      await part.stop().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, "parts failed to stop");
  };
  return service(async () => {
    for (const part of parts) await part.start();
  }, stopAll);
}
