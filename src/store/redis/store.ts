/** The Redis adapter of the Store seam. Every operation is one script, which makes it atomic. */
import type { Clock, Random } from "../../clock.ts";
import { service } from "../../lifecycle.ts";
import type { Store } from "../contract.ts";
import { createConnection } from "./connection.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { DEFAULT_PREFIX, rootOf } from "./keys.ts";
import { createLog } from "./log.ts";
import type { Argument } from "./pipeline.ts";
import { loadScripts, type ScriptName } from "./scripts.ts";
import { checkServer } from "./server-check.ts";
import { createSessions } from "./sessions.ts";
import { createTasks } from "./tasks.ts";
import { createWorkers } from "./workers.ts";

export interface RedisStoreOptions {
  /** redis://[[user]:password@]host[:port][/database] or rediss://… */
  readonly url: string;
  /** Names the installation; several share a Redis by several prefixes. Default "agentlane". */
  readonly prefix?: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Told what is allowed but endangers tasks, e.g. a Redis without an append-only file. */
  readonly onWarning: (message: string) => void;
  /** A command that is not answered after this has failed. Default 1500, so that calls fail in 2 s. */
  readonly commandTimeoutMs?: number;
  /**
   * For tests only: scripts add the milliseconds in the key `{prefix}:clock-shift` to the server's
   * time, so that a test can let hours pass. Default false.
   */
  readonly shiftedTime?: boolean;
}

const COMMAND_TIMEOUT_MS = 1500;

/** What the parts of the store call. */
export interface Redis {
  run(script: ScriptName, args: readonly Argument[]): Promise<unknown>;
  /** A single command on a key, which is named from the root on. */
  send(command: string, key: string, args: readonly Argument[]): Promise<unknown>;
}

export function createRedisStore(options: RedisStoreOptions): Store {
  const { clock, random, url, shiftedTime = false } = options;
  const root = rootOf(options.prefix ?? DEFAULT_PREFIX);
  const scripts = loadScripts({ shiftedTime });
  const { commandTimeoutMs = COMMAND_TIMEOUT_MS } = options;
  const connection = createConnection({ url, root, clock, random, commandTimeoutMs });
  const redis: Redis = {
    run: (name, args) => connection.run(scripts[name], args),
    send: (command, key, args) => connection.send(command, [`${root}${key}`, ...args]),
  };
  return {
    type: "redis",
    tasks: createTasks(redis),
    log: createLog(redis),
    deadLetters: createDeadLetters(redis),
    sessions: createSessions(redis),
    workers: createWorkers(redis),
    check: async () => void (await connection.send("ping", [])),
    ...service(
      async () => {
        await connection.start();
        await checkServer(connection, options.onWarning);
      },
      () => connection.stop(),
    ),
  };
}
