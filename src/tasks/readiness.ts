/** Whether this process should get calls: its backends have answered lately, its worker polls. */
import type { Clock } from "../clock.ts";
import type { MessageQueue } from "../queue/contract.ts";
import type { Store } from "../store/contract.ts";
import type { Chore } from "./sweeper.ts";

const CHECK_INTERVAL_MS = 5000;
/** A check that has not come to its end for this long is a failed one: four were due meanwhile. */
const MAX_ANSWER_AGE_MS = 20_000;
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
  const { clock } = parts;
  const listeners = new Set<() => void>();
  let problem: string | undefined;
  let answeredAt = clock.monotonic();

  function set(next: string | undefined): void {
    if (next === problem) return;
    problem = next;
    for (const listener of [...listeners]) listener();
  }

  async function check(): Promise<string | undefined> {
    const failures = await Promise.all([
      parts.store.check().then(fine, (error: unknown) => `the store: ${messageOf(error)}`),
      parts.queue.check().then(fine, (error: unknown) => `the queue: ${messageOf(error)}`),
    ]);
    answeredAt = clock.monotonic();
    const found = failures.filter((failure) => failure !== undefined);
    if (found.length > 0) return found.join("; ");
    if (!parts.lastPolledAt) return undefined;
    const ageMs = clock.now() - parts.lastPolledAt();
    return ageMs > MAX_POLL_AGE_MS ? `the queue was last polled ${ageMs} ms ago` : undefined;
  }

  return {
    problem() {
      const ageMs = clock.monotonic() - answeredAt;
      if (ageMs <= MAX_ANSWER_AGE_MS) return problem;
      return `store and queue were last heard of ${Math.round(ageMs / 1000)} s ago`;
    },
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

function fine(): undefined {}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
