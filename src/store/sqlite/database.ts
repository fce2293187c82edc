/**
 * Operations on the file. Reads run at once. Writes that arrive in one turn of the event loop share a
 * transaction, because the sync at its end dominates; their callers are answered when it is committed.
 * docs/decisions/0010-sqlite-commits-in-groups.md
 */
import type { Clock } from "../../clock.ts";
import { type Service, service } from "../../lifecycle.ts";
import { timestamp } from "../../timestamp.ts";
import { commit, createOrders, type Orders, type Write } from "./commit.ts";
import { toAgentlaneError, unavailable } from "./errors.ts";
import { type FileOptions, type OpenFile, openFile } from "./file.ts";
import type { Operation, Reading } from "./state.ts";

export interface Database {
  read<T>(run: (op: Reading) => T): Promise<T>;
  write<T>(run: (op: Operation) => T): Promise<T>;
  /** A write that may be forgotten when the machine loses power: it is not worth a sync of its own. */
  writeSoftly<T>(run: (op: Operation) => T): Promise<T>;
}

export interface DatabaseOptions extends FileOptions {
  readonly clock: Clock;
  /** Decides when what waits is committed. Default: once the event loop has taken what has arrived. */
  readonly schedule?: (commit: () => void) => void;
}

/** Operations in one transaction at most: a bound on how long the event loop waits. */
const MAX_GROUP = 64;

export function createDatabase(options: DatabaseOptions): Database & Service {
  const { path, clock, schedule = setImmediate } = options;
  let opened: { readonly file: OpenFile; readonly orders: Orders } | undefined;
  let waiting: Write[] = [];

  function requireOpen(): OpenFile {
    if (!opened) throw unavailable(`${path} is not open`);
    return opened.file;
  }

  function enqueue<T>(run: (op: Operation) => T, isSoft: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      requireOpen();
      const answer = (op: Operation): (() => void) => {
        const value = run(op);
        return () => resolve(value);
      };
      const refuse = (error: unknown): void => reject(toAgentlaneError(error, path));
      waiting.push({ run: answer, refuse, isSoft });
      if (waiting.length === 1) schedule(commitWaiting);
    });
  }

  function commitWaiting(): void {
    const group = waiting.slice(0, MAX_GROUP);
    waiting = waiting.slice(MAX_GROUP);
    if (waiting.length > 0) schedule(commitWaiting);
    if (!opened || group.length === 0) return;
    const { file, orders } = opened;
    const skipsSync = options.synchronous === "full" && group.every((write) => write.isSoft);
    if (skipsSync) file.db.exec("PRAGMA synchronous = NORMAL");
    commit(file, orders, Math.floor(clock.now()), group);
    if (skipsSync) file.db.exec("PRAGMA synchronous = FULL");
  }

  return {
    async read(run) {
      const { sql } = requireOpen();
      const nowMs = Math.floor(clock.now());
      try {
        return run({ sql, nowMs, now: timestamp(nowMs) });
      } catch (error) {
        throw toAgentlaneError(error, path);
      }
    },
    write: (run) => enqueue(run, false),
    writeSoftly: (run) => enqueue(run, true),
    ...service(
      async () => {
        const file = openFile(options);
        opened = { file, orders: createOrders(file) };
      },
      async () => {
        while (waiting.length > 0) commitWaiting();
        opened?.file.close();
        opened = undefined;
      },
    ),
  };
}
