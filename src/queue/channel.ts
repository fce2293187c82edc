/** One channel of a bus between processes, with the topics on it that somebody here listens to. */
import type { Notice } from "../../gen/agentlane/store/v1/record_pb.js";
import { type Subscription, WORKERS_TOPIC } from "./contract.ts";

export interface Listening {
  readonly listener: (notice: Notice) => void;
  isClosed: boolean;
}

export interface Channel {
  /** Resolves when notices published from now on reach the listener. */
  add(topic: string, listener: (notice: Notice) => void): Promise<Subscription>;
  listenersOf(topic: string): ReadonlySet<Listening>;
  /** Unsubscribes when nobody has listened since the last call; answers whether it did. */
  closeIfIdle(): boolean;
  /** Forgets all listeners. */
  drop(): void;
}

export interface ChannelParts {
  readonly subscribe: () => Promise<void>;
  readonly unsubscribe: () => void;
  readonly onFailure: () => void;
}

/**
 * Fewer: every process hears more of what others watch. More: more watches begin with a subscription
 * at the broker.
 */
const CHANNEL_COUNT = 128;
const NOBODY: ReadonlySet<Listening> = new Set();

/** Workers' notices are few and for all workers; they do not mix with the tasks'. */
export function channelName(topic: string): string {
  return topic === WORKERS_TOPIC ? "workers" : `${hash(topic) % CHANNEL_COUNT}`;
}

/**
 * Task ids differ in their last characters. Little, because functions of Redis that publish entries
 * reckon the same (src/store/redis/lua/lib/tell-here.lua).
 */
function hash(topic: string): number {
  let value = 0;
  for (const byte of Buffer.from(topic).subarray(-4)) value = value * 31 + byte;
  return value;
}

export function openChannel(parts: ChannelParts): Channel {
  const topics = new Map<string, Set<Listening>>();
  let wasUsed = true;
  const subscribed = parts.subscribe().catch((error: unknown) => {
    parts.onFailure();
    throw error;
  });

  function remove(topic: string, entry: Listening): void {
    entry.isClosed = true;
    const entries = topics.get(topic);
    entries?.delete(entry);
    if (entries?.size === 0) topics.delete(topic);
  }

  return {
    async add(topic, listener) {
      const entry: Listening = { listener, isClosed: false };
      topics.set(topic, (topics.get(topic) ?? new Set()).add(entry));
      wasUsed = true;
      try {
        await subscribed;
      } catch (error) {
        remove(topic, entry);
        throw error;
      }
      return { close: () => remove(topic, entry) };
    },
    listenersOf: (topic) => topics.get(topic) ?? NOBODY,
    closeIfIdle() {
      const isIdle = topics.size === 0 && !wasUsed;
      wasUsed = topics.size > 0;
      if (isIdle) parts.unsubscribe();
      return isIdle;
    },
    drop() {
      for (const entries of topics.values()) for (const entry of entries) entry.isClosed = true;
      topics.clear();
    },
  };
}
