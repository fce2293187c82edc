/**
 * The part of the composition root that names the stores. Apart from it, because the lease thread
 * needs a store of its own and nothing else.
 */
import { type Clock, type Random, systemClock, systemRandom } from "./clock.ts";
import type { Config } from "./config.ts";
import { AgentlaneError } from "./errors.ts";
import { RedisConnection } from "./redis/connection.ts";
import type { Store } from "./store/contract.ts";
import { createMemoryStore } from "./store/memory/store.ts";
import { migrateSchema } from "./store/postgres/migrate.ts";
import { createPostgresStore } from "./store/postgres/store.ts";
import { createRedisStore } from "./store/redis/store.ts";
import { createSqliteStore } from "./store/sqlite/store.ts";

/** What of the configuration makes a store; can be cloned into a thread. */
export type StoreConfig = Pick<Config, "store" | "queue">;

interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly onWarning: (message: string, error?: unknown) => void;
  readonly onConnectionLost?: (connection: string) => void;
}

export interface StoreParts extends Surroundings {
  /** One for all adapters on the same Redis. */
  readonly connectionTo: (url: string) => RedisConnection;
}

/** Makes each connection when it is first asked for; its users start and stop it. */
export function redisConnections(
  { queue }: StoreConfig,
  surroundings: Surroundings,
): StoreParts["connectionTo"] {
  const shared = { ...surroundings, prefix: queue.redisKeyPrefix };
  const connections = new Map<string, RedisConnection>();
  return (url) => {
    const connection = connections.get(url) ?? new RedisConnection({ ...shared, url });
    connections.set(url, connection);
    return connection;
  };
}

export function storeOf(config: StoreConfig, parts: StoreParts): Store {
  const { type, url, memory, sqlite, postgres } = config.store;
  const isWithQueue = isStoreOnQueue(config);
  switch (type) {
    case "redis":
      return createRedisStore({
        connection: parts.connectionTo(url),
        prefix: config.queue.redisKeyPrefix,
        ringsItself: isWithQueue,
        tellsItself: isWithQueue,
      });
    case "postgres":
      return createPostgresStore({ ...parts, ...postgres, url });
    case "sqlite":
      return createSqliteStore({ clock: parts.clock, ...sqlite });
    default:
      return createMemoryStore({ clock: parts.clock, ...memory });
  }
}

/** Whether store, queue and bus are on one Redis: then they work in one step (decisions 9 and 16). */
export function isStoreOnQueue({ store, queue }: StoreConfig): boolean {
  return store.type === "redis" && queue.type === "redis" && queue.redisUrl === store.url;
}

/** Brings the store's schema up to date; answers what to tell. */
export async function migrateStore({ store }: StoreConfig): Promise<string> {
  if (store.type !== "postgres") return `a store in ${store.type} has no schema to migrate`;
  const { schema } = store.postgres;
  const { from, to } = await migrateSchema({ url: store.url, schema });
  if (from === to) return `the schema ${schema} is up to date, at version ${to}`;
  return `the schema ${schema} is now at version ${to}; it was at ${from}`;
}

/** Whether other processes may have it open too: then their sweepers end leases that are not renewed. */
export function isSharedStore({ store }: StoreConfig): boolean {
  return store.type === "redis" || store.type === "postgres";
}

/**
 * Runs a command's work on the store itself, without a server. `failed_precondition` (STORE_NOT_KEPT)
 * for one in memory; `instead` says what to do then.
 */
export async function withKeptStore<T>(
  config: StoreConfig,
  { onWarning, instead }: { onWarning: (message: string) => void; instead: string },
  work: (store: Store) => Promise<T>,
): Promise<T> {
  if (config.store.type === "memory") {
    throw new AgentlaneError(
      "failed_precondition",
      "STORE_NOT_KEPT",
      `the store is memory, which ends with its process: ${instead}`,
    );
  }
  const surroundings = { clock: systemClock, random: systemRandom, onWarning };
  const connectionTo = redisConnections(config, surroundings);
  const store = storeOf(config, { ...surroundings, connectionTo });
  await store.start();
  try {
    return await work(store);
  } finally {
    await store.stop();
  }
}
