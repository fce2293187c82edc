/** Whether this process should get calls: its backends answer, its worker polls. */
import type { Clock } from "../clock.ts";
import type { MessageQueue } from "../queue/contract.ts";
import type { Store } from "../store/contract.ts";
import type { Chore } from "./sweeper.ts";

const CHECK_INTERVAL_MS = 5000;
/** A worker whose queue has not answered for this long is not ready, whatever its health says. */
const MAX_POLL_AGE_MS = 30_000;

export interface ReadinessParts {
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly clock: Clock;
  /** When the worker's queue last answered; undefined = this process has no worker. */
  readonly lastPolledAt: (() => number) | undefined;
}

export interface Readiness {
  problem(): string | undefined;
  onChange(listener: () => void): () => void;
  /** Asks the backends. */
  readonly chore: Chore;
}

export function createReadiness(parts: ReadinessParts): Readiness {
  const listeners = new Set<() => void>();
  let problem: string | undefined;

  function set(next: string | undefined): void {
    if (next === problem) return;
    problem = next;
    for (const listener of [...listeners]) listener();
  }

  async function check(): Promise<string | undefined> {
    try {
      await Promise.all([parts.store.check(), parts.queue.check()]);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    if (!parts.lastPolledAt) return undefined;
    const ageMs = parts.clock.now() - parts.lastPolledAt();
    return ageMs > MAX_POLL_AGE_MS ? `the queue was last polled ${ageMs} ms ago` : undefined;
  }

  return {
    problem: () => problem,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    chore: {
      name: "readiness",
      intervalMs: CHECK_INTERVAL_MS,
      run: async () => {
        set(await check());
      },
    },
  };
}
