/** What this process lacks to be of use: its backends have answered lately, its worker polls. */
import type { Clock } from "../clock.ts";
import type { MessageQueue } from "../queue/contract.ts";
import type { Store } from "../store/contract.ts";
import type { Chore } from "./sweeper.ts";

const CHECK_INTERVAL_MS = 5000;
/** A backend that has not answered a check for this long is away: the next check is due anew. */
const MAX_ANSWER_MS = 10_000;
/** Without the end of a check for this long nobody checks any more: four were due meanwhile. */
const MAX_CHECK_AGE_MS = 20_000;
/** A worker whose queue has not answered for this long is not ready, whatever its health says. */
const MAX_POLL_AGE_MS = 30_000;

export interface ReadinessParts {
  readonly store: Pick<Store, "check">;
  readonly queue: Pick<MessageQueue, "check">;
  readonly clock: Clock;
  /** When the worker's queue last answered; undefined = this process has no worker. */
  readonly lastPolledAt: (() => number) | undefined;
}

/** Something that is missing, and why. */
export interface Lack {
  readonly need: "store" | "queue" | "worker";
  readonly why: string;
}

export interface Readiness {
  /** Empty = nothing is missing. */
  lacks(): readonly Lack[];
  /** Calls back after every change, until the returned function is called. */
  onChange(listener: () => void): () => void;
  /** Asks the backends. */
  readonly chore: Chore;
}

export function createReadiness(parts: ReadinessParts): Readiness {
  const { clock } = parts;
  const listeners = new Set<() => void>();
  let lacks: readonly Lack[] = [];
  let checkedAt = clock.monotonic();

  function set(next: readonly Lack[]): void {
    const changed = JSON.stringify(next) !== JSON.stringify(lacks);
    lacks = next;
    if (!changed) return;
    for (const listener of [...listeners]) listener();
  }

  async function check(): Promise<readonly Lack[]> {
    const found = await Promise.all([
      lackOf("store", parts.store, clock),
      lackOf("queue", parts.queue, clock),
    ]);
    checkedAt = clock.monotonic();
    const away = found.filter((lack) => lack !== undefined);
    const pollAgeMs = parts.lastPolledAt ? clock.now() - parts.lastPolledAt() : 0;
    if (pollAgeMs <= MAX_POLL_AGE_MS) return away;
    const seconds = Math.round(pollAgeMs / 1000);
    return [...away, { need: "worker", why: `the worker polled its queue ${seconds} s ago` }];
  }

  return {
    lacks() {
      const ageMs = clock.monotonic() - checkedAt;
      if (ageMs <= MAX_CHECK_AGE_MS) return lacks;
      const why = `store and queue were last asked ${Math.round(ageMs / 1000)} s ago`;
      return [
        { need: "store", why },
        { need: "queue", why },
      ];
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

/** A check that goes on after its time is up is nobody's any more. */
async function lackOf(
  need: "store" | "queue",
  backend: { check(): Promise<void> },
  clock: Clock,
): Promise<Lack | undefined> {
  const answered = new AbortController();
  const late = `it has not answered for ${MAX_ANSWER_MS / 1000} s`;
  const problem = await Promise.race([
    backend.check().then(fine, messageOf),
    clock.sleep(MAX_ANSWER_MS, answered.signal).then(() => late),
  ]);
  answered.abort();
  return problem === undefined ? undefined : { need, why: `the ${need}: ${problem}` };
}

function fine(): undefined {}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
