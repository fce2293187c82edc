/**
 * The part of the composition root that names the stores. Apart from it, because the lease thread
 * needs a store of its own and nothing else.
 */
import type { Clock, Random } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Store } from "./store/contract.ts";
import { createMemoryStore } from "./store/memory/store.ts";
import { createRedisStore } from "./store/redis/store.ts";

/** What of the configuration makes a store; can be cloned into a thread. */
export type StoreConfig = Pick<Config, "store" | "queue">;

export interface StoreParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly onWarning: (message: string, error?: unknown) => void;
}

export function storeOf(config: StoreConfig, parts: StoreParts): Store {
  const { type, url, memory } = config.store;
  switch (type) {
    case "redis":
      return createRedisStore({ ...parts, prefix: config.queue.redisKeyPrefix, url });
    default:
      return createMemoryStore({ clock: parts.clock, ...memory });
  }
}

/** Whether other processes may have it open too: then their sweepers end leases that are not renewed. */
export function isSharedStore({ store }: StoreConfig): boolean {
  return store.type === "redis" || store.type === "postgres";
}
