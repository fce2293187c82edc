/** The database file: whose it is, what it holds, how it is opened. */
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { inUse, isBusy, misconfigured, toAgentlaneError } from "./errors.ts";
import { MIGRATIONS } from "./schema.ts";
import { prepareStatements, type Statements } from "./statements.ts";

export interface FileOptions {
  readonly path: string;
  /**
   * full: an answered write survives a power loss. normal: it survives the death of the process only,
   * and nothing is synced but checkpoints.
   */
  readonly synchronous: "full" | "normal";
  readonly maxPageCount?: number;
}

export interface OpenFile {
  readonly db: DatabaseSync;
  readonly sql: Statements;
  /** Also gives the file up for other processes. */
  close(): void;
}

/** "agln" in ASCII: tells our files from those of other programs. */
const APPLICATION_ID = 0x61676c6e;
/** Another program's write, a backup's end for example, is waited for this long. Blocks the loop. */
const BUSY_TIMEOUT_MS = 100;
/** The write-ahead log keeps this size between checkpoints; a burst may make it larger for a while. */
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;
/** Pages that are read often stay in memory. */
const CACHE_KIB = 16 * 1024;

/**
 * Opens the file, makes it when it is new, brings it up to date. Throws `failed_precondition` for what
 * an operator must mend.
 */
export function openFile({ path, synchronous, maxPageCount }: FileOptions): OpenFile {
  const place = placeOf(path);
  const opened: DatabaseSync[] = [];
  const close = (): void => {
    for (const db of opened.splice(0).reverse()) db.close();
  };
  try {
    const lock = new DatabaseSync(`${place}-lock`);
    opened.push(lock);
    own(lock, path);
    const db = new DatabaseSync(place, { timeout: BUSY_TIMEOUT_MS });
    opened.push(db);
    refuseForeign(db, path);
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};
      PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}; PRAGMA cache_size = -${CACHE_KIB};`);
    if (maxPageCount !== undefined) db.exec(`PRAGMA max_page_count = ${maxPageCount}`);
    migrate(db);
    const sql = prepareStatements(db);
    recover(db, sql);
    return { db, sql, close };
  } catch (error) {
    close();
    throw toAgentlaneError(error, path);
  }
}

/** The file's one name, so that two ways to write it meet in one lock. */
function placeOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) {
    throw misconfigured("SQLITE_IS_A_FOLDER", `${path} is a folder; name a file in STORE_URL`);
  }
  if (found && found.nlink > 1) {
    throw misconfigured(
      "SQLITE_HARD_LINK",
      `${path} has other names (hard links), by which another process could own it too; give it one of its own`,
    );
  }
  if (found) return realpathSync(path);
  const folder = dirname(resolve(path));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw misconfigured(
      "SQLITE_CANNOT_OPEN",
      `${path} cannot be made, because there is no folder ${folder}; make it first`,
    );
  }
  return join(realpathSync(folder), basename(path));
}

/** A lock of the operating system: it ends with its process, whatever ended that. */
function own(lock: DatabaseSync, path: string): void {
  try {
    // Nothing is ever written: it needs no journal, which would be a third file. Node.js forbids OFF.
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    throw isBusy(error) ? inUse(path, error) : error;
  }
}

function refuseForeign(db: DatabaseSync, path: string): void {
  const version = pragma(db, "user_version");
  const id = pragma(db, "application_id");
  const isEmpty = pragma(db, "schema_version") === 0;
  if (!isEmpty && id !== APPLICATION_ID) {
    throw misconfigured(
      "SQLITE_FOREIGN",
      `${path} is the database of another program; name another file in STORE_URL`,
    );
  }
  if (version > MIGRATIONS.length) {
    throw misconfigured(
      "SQLITE_NEWER",
      `${path} was written by a newer release (schema ${version}, this one knows up to ${MIGRATIONS.length}); start that release, or name another file in STORE_URL`,
    );
  }
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}

/** One transaction for each step: a crash leaves a version that is whole. */
function migrate(db: DatabaseSync): void {
  for (let version = pragma(db, "user_version"); version < MIGRATIONS.length; version++) {
    db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[version]};
      PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version + 1}; COMMIT;`);
  }
}

/**
 * Whoever owned the file before is dead: its leases have ended, and so has its queue, which knew what
 * to ring for. The first sweeps find both.
 */
function recover(db: DatabaseSync, sql: Statements): void {
  db.exec("BEGIN IMMEDIATE");
  sql.endLeases();
  sql.ringAgain();
  db.exec("COMMIT");
}
