/** The Redis adapter of the Store seam. Every operation is one Lua function, which makes it atomic. */
import { service } from "../../lifecycle.ts";
import type { Argument, RedisConnection } from "../../redis/connection.ts";
import type { HandedClaims } from "../../redis/handed-claims.ts";
import type { Store } from "../contract.ts";
import { giveBack } from "./attempts.ts";
import { createBatch } from "./batches.ts";
import { createCredentials } from "./credentials.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { type FunctionName, isBatched, loadFunctions } from "./functions.ts";
import { DEFAULT_PREFIX, rootOf } from "./keys.ts";
import { createLog } from "./log.ts";
import { createSessions } from "./sessions.ts";
import { createTasks } from "./tasks.ts";
import { createTenants } from "./tenants.ts";
import { createWorkers } from "./workers.ts";

export interface RedisStoreOptions {
  readonly connection: RedisConnection;
  /** Names the installation; several share a Redis by several prefixes. Default "agentlane". */
  readonly prefix?: string;
  /**
   * Whether the queue is on the same Redis, under the same prefix: then the functions ring doorbells
   * themselves, and effects have none. Default false.
   */
  readonly ringsItself?: boolean;
  /** The same of the bus: then the functions publish log entries. Default false. */
  readonly tellsItself?: boolean;
  /**
   * For tests only: functions add the milliseconds in the key `{prefix}:clock-shift` to the server's
   * time, so that a test can let hours pass. Default false.
   */
  readonly shiftedTime?: boolean;
}

/** What the parts of the store call. */
export interface Redis {
  /** Whether functions publish log entries: then effects have none. */
  readonly tellsItself: boolean;
  /** What the queue on the same connection was handed claimed. */
  readonly handedClaims: HandedClaims;
  run(name: FunctionName, args: readonly Argument[]): Promise<unknown>;
  /** A single command on a key, which is named from the root on. */
  send(command: string, key: string, args: readonly Argument[]): Promise<unknown>;
}

export function createRedisStore(options: RedisStoreOptions): Store {
  const { connection } = options;
  const root = rootOf(options.prefix ?? DEFAULT_PREFIX);
  const functions = loadFunctions(options);
  const batches = {
    claim: createBatch((args) => connection.run(functions.claim, root, args)),
    create: createBatch((args) => connection.run(functions.create, root, args)),
    finish: createBatch((args) => connection.run(functions.finish, root, args)),
  };
  const redis: Redis = {
    tellsItself: options.tellsItself ?? false,
    handedClaims: connection.handedClaims,
    run: (name, args) => {
      return isBatched(name) ? batches[name](args) : connection.run(functions[name], root, args);
    },
    send: (command, key, args) => connection.call(command, [`${root}${key}`, ...args]),
  };
  return {
    type: "redis",
    tasks: createTasks(redis),
    log: createLog(redis),
    deadLetters: createDeadLetters(redis),
    sessions: createSessions(redis),
    workers: createWorkers(redis),
    tenants: createTenants(redis),
    credentials: createCredentials(redis),
    check: async () => void (await connection.call("ping", [])),
    ...service(
      async () => {
        connection.handedClaims.returnTo((claim) => giveBack(redis, claim));
        await connection.start();
        await connection.probe(functions.figures, root, [""]);
      },
      () => connection.stop(),
    ),
  };
}
