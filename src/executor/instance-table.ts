/** The live instances of this worker, in order of last use, and what changed among them. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type ExecutionContext,
  type Instance,
  InstanceSchema,
} from "../../gen/agentlane/v1/session_pb.js";
import type { Clock } from "../clock.ts";
import { type SessionRef, sessionKey } from "../store/contract.ts";

export interface LiveInstance {
  readonly ref: SessionRef;
  readonly createdAt: number;
  lastUsedAt: number;
  turnCount: number;
  /** A turn uses it; it is never dropped for room or idleness. */
  busy: boolean;
  context: ExecutionContext;
  /** Of the stored session that `context` is. */
  etag: string;
}

export interface InstanceChanges {
  readonly changed: { tenant: string; instance: Instance }[];
  readonly removed: { tenant: string; sessionKey: string }[];
}

export interface InstanceTable {
  get(ref: SessionRef): LiveInstance | undefined;
  /** Adds or moves to the end of the order: it is being used now. */
  put(instance: LiveInstance): void;
  /** Answers whether there was one. */
  drop(ref: SessionRef): boolean;
  /** Drops idle ones that match; answers how many. */
  dropIdle(matches: (instance: LiveInstance) => boolean): number;
  /** Drops the oldest idle ones until there is room for one more; busy ones stay. Answers how many went. */
  makeRoom(maxCount: number): number;
  count(): number;
  /** Since the last call; `all`: every instance counts as changed. */
  takeChanges(all: boolean): InstanceChanges;
}

export interface InstanceTableParts {
  readonly clock: Clock;
  readonly workerId: string;
  readonly onChange: () => void;
}

export function createInstanceTable(parts: InstanceTableParts): InstanceTable {
  /** A Map keeps insertion order: the first is the least recently used. */
  const live = new Map<string, LiveInstance>();
  const changed = new Set<string>();
  const removed = new Map<string, { tenant: string; sessionKey: string }>();

  function drop(key: string, instance: LiveInstance): void {
    live.delete(key);
    changed.delete(key);
    removed.set(key, { tenant: instance.ref.tenant, sessionKey: sessionKey(instance.ref) });
    parts.onChange();
  }

  return {
    get: (ref) => live.get(keyOf(ref)),
    put(instance) {
      const key = keyOf(instance.ref);
      instance.lastUsedAt = parts.clock.now();
      live.delete(key);
      live.set(key, instance);
      changed.add(key);
      removed.delete(key);
      parts.onChange();
    },
    drop(ref) {
      const key = keyOf(ref);
      const instance = live.get(key);
      if (instance) drop(key, instance);
      return instance !== undefined;
    },
    dropIdle(matches) {
      const idle = [...live].filter(([, each]) => !each.busy && matches(each));
      for (const [key, instance] of idle) drop(key, instance);
      return idle.length;
    },
    makeRoom(maxCount) {
      let droppedCount = 0;
      for (const [key, instance] of live) {
        if (live.size < maxCount) break;
        if (instance.busy) continue;
        drop(key, instance);
        droppedCount++;
      }
      return droppedCount;
    },
    count: () => live.size,
    takeChanges(all) {
      const messages = [...(all ? live.keys() : changed)].flatMap((key) => {
        const instance = live.get(key);
        if (!instance) return [];
        return [{ tenant: instance.ref.tenant, instance: describe(instance, parts.workerId) }];
      });
      const changes = { changed: messages, removed: [...removed.values()] };
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
