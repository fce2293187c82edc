/** Lets calls in, counts them, and during a drain turns new work away. */
import { AgentlaneError } from "../errors.ts";

export interface Gate {
  /** Counts a call in; throws `unavailable` once closed, and while draining unless it is `short`. */
  enter(short: boolean): void;
  /** Counts a call out. */
  leave(): void;
  /** From now on only short calls enter: questions, and commands about work that is there. Idempotent. */
  drain(): void;
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
  let phase: "open" | "draining" | "closed" = "open";
  let evicted = false;
  let inFlightCount = 0;
  let waiting: (() => void)[] = [];
  return {
    enter(short) {
      if (phase === "closed" || (phase === "draining" && !short)) {
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
    drain() {
      if (phase === "open") phase = "draining";
    },
    close() {
      phase = "closed";
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
