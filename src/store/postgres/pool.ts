/**
 * A bounded pool of connections to PostgreSQL. Nobody waits long for one, and while none comes about
 * nobody waits at all: it is tried again at random, up to MAX_RECONNECT_MS apart.
 */
import { Client, type ClientBase, type ClientConfig, Pool, type PoolClient, types } from "pg";
import type { Clock, Random } from "../../clock.ts";
import type { AgentlaneError } from "../../errors.ts";
import { type Service, service } from "../../lifecycle.ts";
import { misconfigured, toAgentlaneError, unavailable } from "./errors.ts";
import { settle } from "./settings.ts";

export interface ConnectionPool extends Service {
  acquire(): Promise<PoolClient>;
  /** Drops what lies idle, after one connection has turned out dead. Those in use go on. */
  renew(): void;
}

export interface PoolOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly size: number;
  readonly acquireTimeoutMs: number;
  /** What telling a new connection its settings may take, after that. */
  readonly settleTimeoutMs: number;
  /** What a statement may wait for the locks of others. */
  readonly lockTimeoutMs: number;
  /** Counts connections that are lost and built anew, by their name. */
  readonly onConnectionLost?: (connection: string) => void;
}

/** Calls that wait for a connection; more are refused, so that an outage fills no memory. */
const MAX_WAITING_COUNT = 2000;
/** What the server itself allows a statement whose client has gone. */
const SERVER_TIMEOUT_MS = 15_000;
const IDLE_TIMEOUT_MS = 60_000;
const MAX_RECONNECT_MS = 250;
const INT8_OID = 20;
export const APPLICATION_NAME = "agentlane";
export function createPool(options: PoolOptions): ConnectionPool {
  const { clock, random, size } = options;
  const settings = clientConfig(options.url);
  // Of this pool alone, so that the server can count what it has left behind.
  const applicationName = `${APPLICATION_NAME}-${random().toString(36).slice(2, 12)}`;
  let pool: Pool | undefined;
  const closing = new Set<Promise<void>>();
  let lastFailure: AgentlaneError | undefined;
  let retryAt = 0;

  /**
   * A statement that was given up may go on in the server for as long as it likes: waiting for a
   * standby, it cannot be ended without calling safe what is not. Only so many may.
   */
  async function prepare(client: ClientBase): Promise<void> {
    const busyCount = await settle(client, {
      applicationName,
      settings: {
        statement_timeout: `${SERVER_TIMEOUT_MS}`,
        lock_timeout: `${options.lockTimeoutMs}`,
        idle_in_transaction_session_timeout: `${SERVER_TIMEOUT_MS}`,
      },
      timeoutMs: options.settleTimeoutMs,
    });
    if (busyCount >= size) throw stuck(busyCount);
  }

  function newPool(): Pool {
    const made = new Pool({
      ...settings,
      max: size,
      connectionTimeoutMillis: options.acquireTimeoutMs,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      keepAlive: true,
      types: { getTypeParser },
      onConnect: prepare,
    });
    // A connection that dies while it lies idle: the pool has dropped it.
    made.on("error", () => undefined);
    // One that dies in use is told by its statement. From its first moment on: the word that it is over
    // may come in one packet with the word that it is there, before anybody could listen.
    made.on("connect", (client) => {
      client.once("error", () => options.onConnectionLost?.(APPLICATION_NAME));
      client.on("error", () => undefined);
    });
    return made;
  }

  /** Those who wait for it get its connections, or their timeouts. */
  function close(old: Pool): void {
    const done = old.end().then(
      () => void closing.delete(done),
      () => void closing.delete(done),
    );
    closing.add(done);
  }

  return {
    ...service(
      async () => {
        pool = newPool();
        lastFailure = undefined;
        retryAt = 0;
      },
      async () => {
        if (pool) close(pool);
        pool = undefined;
        await Promise.all(closing);
      },
    ),

    async acquire() {
      if (!pool) throw unavailable("the store is not started");
      if (pool.totalCount === 0 && clock.monotonic() < retryAt) throw beingBuilt(lastFailure);
      if (pool.waitingCount >= MAX_WAITING_COUNT) throw exhausted();
      const isFull = pool.totalCount >= size;
      try {
        return await pool.connect();
      } catch (error) {
        if (isFull) throw exhausted(error);
        lastFailure = toAgentlaneError(error);
        retryAt = clock.monotonic() + random() * MAX_RECONNECT_MS;
        throw lastFailure;
      }
    },

    renew() {
      if (!pool) return;
      close(pool);
      pool = newPool();
    },
  };
}

function beingBuilt(failure: AgentlaneError | undefined): AgentlaneError {
  return unavailable("there is no connection to PostgreSQL now; it is being built", failure);
}

function exhausted(cause?: unknown): AgentlaneError {
  return unavailable("all connections to PostgreSQL are in use (POSTGRES_POOL_SIZE)", cause);
}

function stuck(count: number): AgentlaneError {
  return unavailable(
    `PostgreSQL still works on ${count} statements that were given up (POSTGRES_POOL_SIZE); does a synchronous standby not answer?`,
  );
}

/** What every connection has, whatever it is for. Throws for a URL that cannot be one. */
export function clientConfig(url: string): ClientConfig {
  const config: ClientConfig = { connectionString: url, application_name: APPLICATION_NAME };
  try {
    if (!/^postgres(ql)?:\/\/./.test(url) || !URL.canParse(url))
      throw new Error("it is no such URL");
    // Reads what the URL says, and the files it names; connects to nothing.
    new Client(config);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw misconfigured(
      `STORE_URL must look like postgres://user[:password]@host[:port]/database[?sslmode=verify-full&sslrootcert=FILE]: ${reason}`,
    );
  }
  return config;
}

/** Our integers fit a number. */
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: "text" | "binary") => {
  return oid === INT8_OID ? Number : types.getTypeParser(oid, format as "text");
};
