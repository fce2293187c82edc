/**
 * Instances: the live, session-bound objects of this worker. Created on a session's first turn,
 * reused by later ones as long as the stored session has not changed elsewhere (its etag tells),
 * evicted after inactivity, when the session is destroyed, or when there are too many.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type ExecutionContext,
  type Instance,
  InstanceSchema,
} from "../../gen/agentlane/v1/session_pb.js";
import type { Clock } from "../clock.ts";
import { type SessionRef, type SessionStore, sessionKey } from "../store/contract.ts";
import { newExecutionContext, repairContext } from "./execution-context.ts";

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
  /** What changed since the last call, for the worker's report. */
  takeChanges(): InstanceChanges;
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

export interface InstanceChanges {
  readonly changed: { tenant: string; instance: Instance }[];
  readonly removed: { tenant: string; sessionKey: string }[];
}

export interface InstanceManagerParts {
  readonly sessions: SessionStore;
  readonly clock: Clock;
  readonly workerId: string;
  /** Inactivity after which cleanUp evicts (INSTANCE_TIMEOUT). */
  readonly timeoutMs: number;
  /** Above it the least recently used idle instance goes. */
  readonly maxCount: number;
  /** Called whenever takeChanges would answer something new. */
  readonly onChange: () => void;
}

interface LiveInstance {
  readonly tenant: string;
  readonly ref: SessionRef;
  readonly createdAt: number;
  lastUsedAt: number;
  turnCount: number;
  busy: boolean;
  context: ExecutionContext;
  etag: string;
}

export function createInstanceManager(parts: InstanceManagerParts): InstanceManager {
  const { clock } = parts;
  /** In order of last use, oldest first: a Map keeps insertion order. */
  const live = new Map<string, LiveInstance>();
  const changed = new Set<string>();
  const removed = new Map<string, { tenant: string; sessionKey: string }>();
  let cleanedCount = 0;
  let lastCleanUpAt: number | undefined;

  function touch(key: string, instance: LiveInstance): void {
    instance.lastUsedAt = clock.now();
    live.delete(key);
    live.set(key, instance);
    changed.add(key);
    removed.delete(key);
    parts.onChange();
  }

  function drop(key: string): void {
    const instance = live.get(key);
    if (!instance) return;
    live.delete(key);
    changed.delete(key);
    removed.set(key, { tenant: instance.tenant, sessionKey: sessionKey(instance.ref) });
    parts.onChange();
  }

  /** The oldest idle ones go; busy ones stay, however many. */
  function makeRoom(): void {
    for (const [key, instance] of live) {
      if (live.size < parts.maxCount) return;
      if (!instance.busy) drop(key);
    }
  }

  async function build(ref: SessionRef, etag: string): Promise<LiveInstance> {
    const stored = etag === "" ? undefined : await parts.sessions.load(ref);
    const now = clock.now();
    return {
      tenant: ref.tenant,
      ref,
      createdAt: now,
      lastUsedAt: now,
      turnCount: 0,
      busy: true,
      context: stored ? repairContext(stored.context) : newExecutionContext(ref),
      etag: stored?.etag ?? "",
    };
  }

  function lease(key: string, instance: LiveInstance, warm: boolean): InstanceLease {
    const isCurrent = (): boolean => live.get(key) === instance;
    let released = false;
    instance.busy = true;
    touch(key, instance);
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
        if (isCurrent()) touch(key, instance);
      },
    };
  }

  return {
    async acquire(ref, etag) {
      const key = keyOf(ref);
      const warm = live.get(key);
      // A busy instance belongs to an attempt that lost its lease: it keeps its own object.
      if (warm && !warm.busy && warm.etag === etag) return lease(key, warm, true);
      const built = await build(ref, etag);
      drop(key);
      makeRoom();
      return lease(key, built, false);
    },
    evict: (ref) => drop(keyOf(ref)),
    cleanUp() {
      const before = clock.now() - parts.timeoutMs;
      const idle = [...live].filter(([, each]) => !each.busy && each.lastUsedAt <= before);
      for (const [key] of idle) drop(key);
      cleanedCount += idle.length;
      lastCleanUpAt = clock.now();
      return idle.length;
    },
    evictIdle() {
      for (const [key, instance] of live) if (!instance.busy) drop(key);
    },
    figures: () => ({ activeCount: live.size, cleanedCount, lastCleanUpAt }),
    takeChanges() {
      const changes: InstanceChanges = { changed: [], removed: [...removed.values()] };
      for (const key of changed) {
        const instance = live.get(key);
        if (instance) {
          const message = describe(instance, parts.workerId);
          changes.changed.push({ tenant: instance.tenant, instance: message });
        }
      }
      changed.clear();
      removed.clear();
      return changes;
    },
  };
}

function keyOf(ref: SessionRef): string {
  return `${ref.tenant}/${sessionKey(ref)}`;
}

function describe(instance: LiveInstance, workerId: string): Instance {
  return create(InstanceSchema, {
    sessionKey: sessionKey(instance.ref),
    agentId: instance.ref.agentId,
    sessionId: instance.ref.sessionId,
    workerId,
    createdAt: timestampFromMs(instance.createdAt),
    lastUsedAt: timestampFromMs(instance.lastUsedAt),
    turnCount: instance.turnCount,
    busy: instance.busy,
    messageCount: instance.context.history.length,
    version: instance.context.version,
  });
}
