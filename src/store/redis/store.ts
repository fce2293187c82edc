/** The Redis adapter of the Store seam. Every operation is one Lua function, which makes it atomic. */
import { service } from "../../lifecycle.ts";
import type { Argument, RedisConnection } from "../../redis/connection.ts";
import type { Store } from "../contract.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { type FunctionName, loadFunctions } from "./functions.ts";
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
  run(name: FunctionName, args: readonly Argument[]): Promise<unknown>;
  /** A single command on a key, which is named from the root on. */
  send(command: string, key: string, args: readonly Argument[]): Promise<unknown>;
}

export function createRedisStore(options: RedisStoreOptions): Store {
  const { connection } = options;
  const root = rootOf(options.prefix ?? DEFAULT_PREFIX);
  const functions = loadFunctions(options);
  const redis: Redis = {
    tellsItself: options.tellsItself ?? false,
    run: (name, args) => connection.run(functions[name], root, args),
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
    check: async () => void (await connection.call("ping", [])),
    ...service(
      async () => {
        await connection.start();
        await connection.probe(functions.figures, root, [""]);
      },
      () => connection.stop(),
    ),
  };
}
