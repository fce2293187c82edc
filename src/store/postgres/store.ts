/** The PostgreSQL adapter of the Store seam. Every operation is one statement, which makes it atomic. */
import type { Clock, Random } from "../../clock.ts";
import { service } from "../../lifecycle.ts";
import type { Store } from "../contract.ts";
import { createConnection, type RunLimits } from "./connection.ts";
import { createCredentials } from "./credentials.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { type Arguments, createGroupCommit, transposed } from "./group-commit.ts";
import { createLog } from "./log.ts";
import { DEFAULT_SCHEMA, type Migrate, prepareSchema, schemaName } from "./migrate.ts";
import { outcomeOf } from "./reply.ts";
import { checkServer } from "./server-check.ts";
import { createSessions } from "./sessions.ts";
import {
  type FunctionName,
  GROUPED,
  type GroupedName,
  type QueryName,
  statementsOf,
} from "./statements.ts";
import { createTasks } from "./tasks.ts";
import { createTenants } from "./tenants.ts";
import { createWorkers } from "./workers.ts";

export interface PostgresStoreOptions {
  /** postgres://user[:password]@host[:port]/database[?sslmode=verify-full&sslrootcert=FILE] */
  readonly url: string;
  /** Names the installation; several share a database by several schemas. Default "agentlane". */
  readonly schema?: string;
  /** "auto" brings the schema up to date at start, "manual" refuses to start. Default auto. */
  readonly migrate?: Migrate;
  /** Connections at most. Default 10. */
  readonly poolSize?: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Told what is allowed but endangers tasks, e.g. a server that does not wait for its disk. */
  readonly onWarning: (message: string) => void;
  /** A statement that is not answered after this has failed. Default 1800, so that calls fail in 2 s. */
  readonly statementTimeoutMs?: number;
  /** Counts connections that are lost and built anew, by their name. */
  readonly onConnectionLost?: (connection: string) => void;
}

const DEFAULT_POOL_SIZE = 10;
const STATEMENT_TIMEOUT_MS = 1800;

/** What the parts of the store call. */
export interface Postgres {
  /** The answer of a function of migrations/. */
  call(name: FunctionName, args: Arguments, limits?: RunLimits): Promise<unknown>;
  /** The same, together with others of its kind that are called at the same time. */
  callTogether(name: GroupedName, args: Arguments): Promise<unknown>;
  /** The answers of a query, or of a function that has several. */
  query(name: QueryName | FunctionName, args: Arguments): Promise<unknown[]>;
}

export function createPostgresStore(options: PostgresStoreOptions): Store {
  const schema = schemaName(options.schema ?? DEFAULT_SCHEMA);
  const { functions, queries } = statementsOf(schema);
  const statements = { ...queries, ...functions };
  const { poolSize = DEFAULT_POOL_SIZE, statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
  const connection = createConnection({ ...options, poolSize, statementTimeoutMs });
  async function call(name: FunctionName, args: Arguments, limits?: RunLimits): Promise<unknown> {
    const [answer] = await connection.run(functions[name], args, limits);
    return answer;
  }
  const groupOf = (name: GroupedName) => {
    return createGroupCommit({
      clock: options.clock,
      timeoutMs: statementTimeoutMs,
      together(operations, limits) {
        return connection.run(functions[GROUPED[name]], transposed(operations), limits);
      },
      alone: (args, limits) => call(name, args, limits),
      isLater: (answer) => outcomeOf(answer) === "LATER",
    });
  };
  const groups = {
    append_events: groupOf("append_events"),
    claim_task: groupOf("claim_task"),
    create_task: groupOf("create_task"),
    finish_task: groupOf("finish_task"),
  };
  const postgres: Postgres = {
    call,
    callTogether: (name, args) => groups[name](args),
    query: (name, args) => connection.run(statements[name], args),
  };
  return {
    type: "postgres",
    tasks: createTasks(postgres, options.clock),
    log: createLog(postgres),
    deadLetters: createDeadLetters(postgres),
    sessions: createSessions(postgres),
    workers: createWorkers(postgres),
    tenants: createTenants(postgres),
    credentials: createCredentials(postgres),
    check: async () => void (await postgres.query("ping", [])),
    ...service(
      async () => {
        await checkServer(options.url, options.onWarning);
        await prepareSchema({ url: options.url, schema, migrate: options.migrate ?? "auto" });
        await connection.start();
        // The pool's connections are made in a way of their own, which a pooler in between may refuse.
        await connection.run(queries.ping, []).catch(async (error: unknown) => {
          await connection.stop();
          throw error;
        });
      },
      () => connection.stop(),
    ),
  };
}
