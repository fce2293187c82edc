/** Lets calls in, counts them, and during a drain turns new ones away. */
import { AgentlaneError } from "../errors.ts";

export interface Gate {
  /** Counts a call in; throws `unavailable` while draining. */
  enter(): void;
  /** Counts a call out. */
  leave(): void;
  /** From now on nobody enters. Idempotent. */
  close(): void;
  /** The connections of who is still in are about to be cut, by us. Idempotent. */
  evict(): void;
  readonly evicted: boolean;
  readonly inFlightCount: number;
  /** Resolves when nobody is in, now or later. */
  empty(): Promise<void>;
}

export function createGate(): Gate {
  let open = true;
  let evicted = false;
  let inFlightCount = 0;
  let waiting: (() => void)[] = [];
  return {
    enter() {
      if (!open) {
        throw new AgentlaneError(
          "unavailable",
          "DRAINING",
          "this server is shutting down: call again, another one will answer",
        );
      }
      inFlightCount++;
    },
    leave() {
      inFlightCount--;
      if (inFlightCount > 0) return;
      const resolved = waiting;
      waiting = [];
      for (const resolve of resolved) resolve();
    },
    close() {
      open = false;
    },
    evict() {
      evicted = true;
    },
    get evicted() {
      return evicted;
    },
    get inFlightCount() {
      return inFlightCount;
    },
    empty: () =>
      inFlightCount === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => waiting.push(resolve)),
  };
}
