/**
 * Instances: the live, session-bound objects of this worker. Created on a session's first turn,
 * reused by later ones as long as the stored session has not changed elsewhere (its etag tells),
 * evicted after inactivity, when the session is destroyed, or when there are too many.
 */
import type { ExecutionContext } from "../../gen/agentlane/v1/session_pb.js";
import type { Clock } from "../clock.ts";
import type { SessionRef, SessionStore } from "../store/contract.ts";
import { METRICS } from "../telemetry/metric-definitions.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { newExecutionContext, repairContext } from "./execution-context.ts";
import { createInstanceTable, type InstanceChanges, type LiveInstance } from "./instance-table.ts";

export interface InstanceManager {
  /**
   * The session's instance with its committed context, for one turn; `etag` is the stored session's.
   * Release it when the turn has ended.
   */
  acquire(ref: SessionRef, etag: string): Promise<InstanceLease>;
  /** Drops the session's instance; a turn that uses it goes on and leaves nothing behind. */
  evict(ref: SessionRef): void;
  /** Evicts instances unused for the timeout; answers how many. */
  cleanUp(): number;
  /** Drops all that are not busy. */
  evictIdle(): void;
  figures(): InstanceFigures;
  /** What changed since the last call, for the worker's report; `all`: every instance. */
  takeChanges(all: boolean): InstanceChanges;
}

export interface InstanceLease {
  readonly context: ExecutionContext;
  /** Whether the context was still in memory. */
  readonly warm: boolean;
  /** The turn was committed: this is the session now. */
  commit(context: ExecutionContext, etag: string): void;
  /** Idempotent. */
  release(): void;
}

export interface InstanceFigures {
  readonly activeCount: number;
  /** Evicted by cleanUp since the start. */
  readonly cleanedCount: number;
  readonly lastCleanUpAt: number | undefined;
}

export interface InstanceManagerParts {
  readonly sessions: SessionStore;
  readonly clock: Clock;
  readonly workerId: string;
  /** Inactivity after which cleanUp evicts (INSTANCE_TIMEOUT). */
  readonly timeoutMs: number;
  /** Above it the least recently used idle instance goes. */
  readonly maxCount: number;
  readonly metrics: Metrics;
  /** Called whenever takeChanges would answer something new. */
  readonly onChange: () => void;
}

export function createInstanceManager(parts: InstanceManagerParts): InstanceManager {
  const { clock } = parts;
  const table = createInstanceTable(parts);
  const lookups = parts.metrics.counter(METRICS.instanceLookups);
  const evictions = parts.metrics.counter(METRICS.evictions);
  let cleanedCount = 0;
  let lastCleanUpAt: number | undefined;

  async function build(ref: SessionRef, etag: string): Promise<LiveInstance> {
    const stored = etag === "" ? undefined : await parts.sessions.load(ref);
    const now = clock.now();
    return {
      ref,
      createdAt: now,
      lastUsedAt: now,
      turnCount: 0,
      busy: true,
      context: stored ? repairContext(stored.context) : newExecutionContext(ref),
      etag: stored?.etag ?? "",
    };
  }

  function makeRoom(maxCount: number): void {
    const evictedCount = table.makeRoom(maxCount);
    if (evictedCount > 0) evictions.add(evictedCount, "room");
  }

  function lease(instance: LiveInstance, warm: boolean): InstanceLease {
    let released = false;
    instance.busy = true;
    table.put(instance);
    return {
      context: instance.context,
      warm,
      commit(context, etag) {
        instance.context = context;
        instance.etag = etag;
        instance.turnCount++;
      },
      release() {
        if (released) return;
        released = true;
        instance.busy = false;
        if (table.get(instance.ref) === instance) table.put(instance);
        // More may have been busy at once than are kept.
        makeRoom(parts.maxCount + 1);
      },
    };
  }

  return {
    async acquire(ref, etag) {
      const warm = table.get(ref);
      // A busy instance belongs to an attempt that lost its lease: it keeps its own object.
      const isHit = warm !== undefined && !warm.busy && warm.etag === etag;
      lookups.add(1, isHit ? "hit" : "miss");
      if (isHit) return lease(warm, true);
      const built = await build(ref, etag);
      if (table.drop(ref)) evictions.add(1, "stale");
      makeRoom(parts.maxCount);
      return lease(built, false);
    },
    evict(ref) {
      if (table.drop(ref)) evictions.add(1, "replaced");
    },
    cleanUp() {
      const before = clock.now() - parts.timeoutMs;
      const evicted = table.dropIdle((instance) => instance.lastUsedAt <= before);
      cleanedCount += evicted;
      if (evicted > 0) evictions.add(evicted, "idle");
      lastCleanUpAt = clock.now();
      return evicted;
    },
    evictIdle: () => void table.dropIdle(() => true),
    figures: () => ({ activeCount: table.count(), cleanedCount, lastCleanUpAt }),
    takeChanges: (all) => table.takeChanges(all),
  };
}
