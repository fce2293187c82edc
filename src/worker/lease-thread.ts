/**
 * The owner of the lease thread, on the side of the event loop. The thread has a program and a store
 * of its own; it ends with its owner or its process, never keeps the process alive, and is started
 * again when it crashes. A process that is stopped (SIGSTOP) stops it too, and loses its leases.
 */
import { Worker } from "node:worker_threads";
import { type Clock, monotonicOrigin, type Random } from "../clock.ts";
import { type Service, service } from "../lifecycle.ts";
import type { LeaseBackup } from "./lease-keeper.ts";
import type { LeaseTiming } from "./lease-renewer.ts";
import { createLeaseTable } from "./lease-table.ts";

/** What the thread's program finds in its `workerData`. */
export interface LeaseThreadData<C> extends LeaseTiming {
  readonly memory: SharedArrayBuffer;
  /** `monotonicOrigin()` of the event loop. */
  readonly origin: number;
  /** What it makes its store from. */
  readonly store: C;
}

/** What the thread tells its owner: that it looks after the leases now, or what it could not do. */
export type LeaseThreadMessage = { readonly kind: "ready" } | LeaseThreadProblem;

export interface LeaseThreadProblem {
  readonly kind: "problem";
  readonly message: string;
}

export interface LeaseThreadParts<C> extends LeaseTiming {
  /** The thread's program. */
  readonly entry: URL;
  readonly store: C;
  /** Leases held at once. */
  readonly slots: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly onProblem: (message: string, error: unknown) => void;
}

/** Between a crash and the next start; doubled up to the longest one by each crash … */
const MIN_RESTART_MS = 500;
const MAX_RESTART_MS = 10_000;
/** … and forgotten after so long without one. */
const STEADY_MS = 60_000;
/** Waited for the thread at the start, before attempts begin that may block the event loop at once. */
const READY_BOUND_MS = 10_000;
/** For the thread to close its connections; then it is ended. */
const STOP_BOUND_MS = 2000;
/** A store's driver and a few leases; more would be a leak. */
const MAX_HEAP_MB = 128;

export function createLeaseThread<C>(parts: LeaseThreadParts<C>): LeaseBackup {
  const { clock, random, leaseMs, renewIntervalMs, cancelGraceMs } = parts;
  const table = createLeaseTable(parts.slots);
  let stopping = new AbortController();
  let supervising: Promise<void> = Promise.resolve();
  let thread: Worker | undefined;

  /** Resolves when the thread has ended; calls back when it is ready, or has ended before. */
  function run(onReady: () => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const data: LeaseThreadData<C> = {
      memory: table.memory,
      origin: monotonicOrigin(),
      store: parts.store,
      leaseMs,
      renewIntervalMs,
      cancelGraceMs,
    };
    const started = new Worker(parts.entry, {
      name: "agentlane leases",
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    thread = started;
    started.unref();
    started.on("message", (told: LeaseThreadMessage) => {
      if (told.kind === "ready") onReady();
      else parts.onProblem("the lease thread could not renew", new Error(told.message));
    });
    started.on("error", (error) => parts.onProblem("the lease thread crashed", error));
    started.on("exit", () => {
      thread = undefined;
      onReady();
      resolve();
    });
    return promise;
  }

  async function supervise(signal: AbortSignal, onReady: () => void): Promise<void> {
    let delayMs = MIN_RESTART_MS;
    while (!signal.aborted) {
      const startedAt = clock.monotonic();
      await run(onReady);
      if (clock.monotonic() - startedAt > STEADY_MS) delayMs = MIN_RESTART_MS;
      await clock.sleep(delayMs * (1 + random()), signal);
      delayMs = Math.min(2 * delayMs, MAX_RESTART_MS);
    }
  }

  const life: Service = service(
    async () => {
      stopping = new AbortController();
      const ready = Promise.withResolvers<void>();
      supervising = supervise(stopping.signal, ready.resolve);
      const bound = clock.setTimer(READY_BOUND_MS, ready.resolve);
      await ready.promise;
      bound.clear();
    },
    async () => {
      stopping.abort();
      // Now it is waited for.
      thread?.ref();
      thread?.postMessage("stop");
      const bound = clock.setTimer(STOP_BOUND_MS, () => void thread?.terminate());
      await supervising;
      bound.clear();
    },
  );

  return {
    ...life,
    hold(lease, claimedAt, renewUntil) {
      const slot = table.hold(lease, claimedAt, renewUntil, parts.clock.monotonic());
      if (slot === undefined) return undefined;
      return {
        validUntil: () => table.renewedAt(slot) + leaseMs,
        release: () => table.release(slot),
      };
    },
    renewed: (at) => table.beat(at),
  };
}
