/** What a fault run needs to know of a queue and a store; everything else is the same for all. */
import type { SeededRandom } from "../random.ts";

export interface Backend {
  /** For `--only`; a queue and a store that differ are `queue-store`. */
  readonly name: string;
  /**
   * `spread`: gateways and workers, each a process. `single`: one process that is both, because no
   * other may open the store; clients wait while it is down.
   */
  readonly layout: "spread" | "single";
  /** Whether its processes reach it by TCP, so that a proxy in between can break the way. */
  readonly isRemote: boolean;
  /** Its own faults, beside those of all backends, in the order of their first injection. */
  readonly faultKinds: readonly string[];
  /** Starts its servers and proxies. */
  start(): Promise<RunningBackend>;
}

export interface RunningBackend {
  /**
   * What a process of ours needs to find it. `isProxied`: through the proxies of `proxies`, one of
   * which stands in front of each server.
   */
  environment(isProxied: boolean): Readonly<Record<string, string>>;
  /** Broken and healed together; empty where it is not remote. */
  readonly proxies: readonly Proxy[];
  /** One for each of `faultKinds`. */
  readonly faults: Readonly<Record<string, BackendFault>>;
  /** Counts, by name, that are zero when nothing is unfinished: leases, doorbells, due tasks. */
  leftovers(): Promise<ReadonlyMap<string, number>>;
  /** Ends its servers and proxies and removes what they have stored; idempotent. */
  stop(): Promise<void>;
}

/** What the injector does to a proxy; see test/fakes/tcp-proxy.ts. */
export interface Proxy {
  cut(): void;
  stall(): void;
  refuse(): void;
  swallowReplies(): void;
  heal(): void;
}

export interface BackendFault {
  /** While it lasts the backend answers nobody, or refuses to write; counts for the recovery. */
  readonly isOutage: boolean;
  /** Breaks and mends; resolves when the backend serves again. Chance comes from `chance` alone. */
  inject(chance: SeededRandom): Promise<void>;
}
