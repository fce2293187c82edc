/** Calls and values as state of a component. */
import { useEffect, useState } from "preact/hooks";
import { untilUnlocked } from "./connection.ts";
import { describeFailure, type Failure } from "./failure.ts";
import type { Observable } from "./observable.ts";
import { useServices } from "./services.ts";

export interface Loaded<T> {
  /** The last answer; undefined before the first. */
  readonly data: T | undefined;
  /** Why the last call failed; undefined after one that did not. */
  readonly failure: Failure | undefined;
  readonly reload: () => void;
}

type Load<T> = (signal: AbortSignal) => Promise<T>;

/** A poll takes at most a tenth of the time. */
const REST_FACTOR = 9;
const MAX_RETRY_MS = 5000;

/**
 * What `load` answers, again every `intervalMs` while the page is visible, and again at once when
 * `key` changes (then what was loaded before is dropped). 0 = once, and after failures.
 */
export function usePolled<T>(load: Load<T>, intervalMs: number, key = ""): Loaded<T> {
  const { clock, apiKey, connection } = useServices();
  const [round, setRound] = useState(0);
  const [state, setState] = useState<{ key: string; data?: T; failure?: Failure }>({ key });
  const secret = useObservable(apiKey);
  // Not for each new `load`: `key` says what it depends on.
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const poll = async (): Promise<void> => {
      for (let failures = 0; ; ) {
        await untilVisible(signal);
        await untilUnlocked(connection, signal);
        const startedAt = clock.now();
        try {
          const data = await load(signal);
          failures = 0;
          if (!signal.aborted) setState({ key, data });
          if (intervalMs === 0) return;
        } catch (error) {
          if (signal.aborted) return;
          failures++;
          const failure = describeFailure(error);
          setState((before) => (before.key === key ? { ...before, failure } : { key, failure }));
        }
        const took = (clock.now() - startedAt) * REST_FACTOR;
        const retry = Math.min(MAX_RETRY_MS, 500 * 2 ** failures);
        await clock.sleep(failures > 0 ? retry : Math.max(intervalMs, took), signal);
      }
    };
    poll().catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    return () => controller.abort();
  }, [key, intervalMs, round, secret]);
  const current = state.key === key ? state : undefined;
  return {
    data: current?.data,
    failure: current?.failure,
    reload: () => setRound((before) => before + 1),
  };
}

/** Resolves at once where somebody may be looking. */
function untilVisible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      signal.removeEventListener("abort", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look);
  });
}

export function useObservable<T>(source: Observable<T>): T {
  const [value, setValue] = useState(source.get());
  useEffect(() => {
    setValue(source.get());
    return source.subscribe(() => setValue(source.get()));
  }, [source]);
  return value;
}

/** The time, renewed every so often: for "12 s ago". */
export function useNow(everyMs = 1000): number {
  const { clock } = useServices();
  const [now, setNow] = useState(clock.now());
  useEffect(() => clock.every(everyMs, () => setNow(clock.now())), [clock, everyMs]);
  return now;
}

export interface Action<A extends unknown[]> {
  readonly run: (...args: A) => void;
  readonly busy: boolean;
  readonly failure: Failure | undefined;
}

/** Something the user starts; one at a time. */
export function useAction<A extends unknown[]>(work: (...args: A) => Promise<void>): Action<A> {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  return {
    busy,
    failure,
    run(...args) {
      if (busy) return;
      setBusy(true);
      setFailure(undefined);
      work(...args)
        .catch((error: unknown) => setFailure(describeFailure(error)))
        .finally(() => setBusy(false));
    },
  };
}
