/** The SQLite adapter of the Store seam: one process, one file, nothing to install. */
import type { Clock } from "../../clock.ts";
import type { Store } from "../contract.ts";
import { createLocalWorkers } from "../local-workers.ts";
import { createCredentials } from "./credentials.ts";
import { createDatabase } from "./database.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { clearTenant } from "./deletion.ts";
import { createLog } from "./log.ts";
import { createSessions } from "./sessions.ts";
import { createTasks } from "./tasks.ts";
import { createTenants } from "./tenants.ts";

export interface SqliteStoreOptions {
  /** Of the database file; made when there is none. Its folder must exist. */
  readonly path: string;
  readonly clock: Clock;
  /** When a write is answered: full = on the disk, normal = in the file. Default full. */
  readonly synchronous?: "full" | "normal";
  /** For tests only: what commits each write in the call itself, as on a clock that stands still. */
  readonly schedule?: (commit: () => void) => void;
  /** For tests only: the file takes no more pages than this, as if the disk were full. */
  readonly maxPageCount?: number;
}

export function createSqliteStore(options: SqliteStoreOptions): Store {
  const { clock, synchronous = "full" } = options;
  const { start, stop, ...db } = createDatabase({ ...options, synchronous });
  return {
    type: "sqlite",
    tasks: createTasks(db),
    log: createLog(db),
    deadLetters: createDeadLetters(db),
    sessions: createSessions(db),
    // The one process that owns the file is the only one whose workers could be listed.
    workers: createLocalWorkers(clock),
    tenants: createTenants(db, clearTenant),
    credentials: createCredentials(db),
    check: () => db.read(({ sql }) => void sql.check.get()),
    start,
    stop,
  };
}
