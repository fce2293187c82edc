/** What PostgreSQL does wrong in a fault run, whatever the queue is. */
import { setTimeout as after } from "node:timers/promises";
import { type PostgresServer, sql, startPostgres } from "../../harness/postgres-server.ts";
import { between, type SeededRandom } from "../random.ts";
import type { BackendFault } from "./contract.ts";

export const POSTGRES_FAULT_KINDS = [
  "pg-kill",
  "pg-restart",
  "pg-terminate",
  "pg-backend-kill",
  "pg-lock",
  "pg-refuse",
];

export function startFaultyPostgres(): Promise<PostgresServer> {
  return startPostgres({ fsync: true, settings: { max_connections: "100" } });
}

/** The database by way of a proxy in front of its server. */
export function throughProxy(database: string, port: number): string {
  const url = new URL(database);
  url.port = `${port}`;
  return url.href;
}

/** One for each of POSTGRES_FAULT_KINDS. */
export function postgresFaultsOf(
  postgres: PostgresServer,
  database: string,
): Record<string, BackendFault> {
  return {
    "pg-kill": { isOutage: true, inject: (chance) => restart(postgres, chance, "kill") },
    "pg-restart": { isOutage: true, inject: (chance) => restart(postgres, chance, "shutDown") },
    "pg-terminate": { isOutage: false, inject: async () => void (await postgres.terminateAll()) },
    "pg-backend-kill": { isOutage: true, inject: () => crashOneBackend(database) },
    "pg-lock": { isOutage: true, inject: (chance) => lockTasks(database, chance) },
    "pg-refuse": {
      isOutage: true,
      inject: (chance) => refuseConnections(postgres, database, chance),
    },
  };
}

async function restart(
  postgres: PostgresServer,
  chance: SeededRandom,
  end: "kill" | "shutDown",
): Promise<void> {
  await postgres[end]();
  await after(between(chance, 0, 1500));
  await postgres.start();
}

/** As the kernel does when memory runs out: the postmaster ends all others and recovers. */
async function crashOneBackend(database: string): Promise<void> {
  const [row] = await sql(
    database,
    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1",
  );
  if (row) process.kill(Number(row.pid), "SIGKILL");
  for (;;) {
    try {
      await sql(database, "SELECT 1");
      return;
    } catch {
      await after(50);
    }
  }
}

/** Every statement waits, so every pool runs dry. */
async function lockTasks(database: string, chance: SeededRandom): Promise<void> {
  const seconds = between(chance, 0.5, 3).toFixed(1);
  await sql(
    database,
    `BEGIN; LOCK TABLE agentlane.tasks IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(${seconds}); COMMIT`,
  ).catch(() => undefined);
}

/** The server takes no new connections, and those that were there have gone. */
async function refuseConnections(
  postgres: PostgresServer,
  database: string,
  chance: SeededRandom,
): Promise<void> {
  const allow = (isAllowed: boolean) =>
    sql(postgres.url(), `ALTER DATABASE ${nameOf(database)} ALLOW_CONNECTIONS ${isAllowed}`);
  await allow(false);
  await postgres.terminateAll();
  await after(between(chance, 500, 2500));
  await allow(true);
}

function nameOf(database: string): string {
  return new URL(database).pathname.slice(1);
}

/** Counts that are zero when nothing is unfinished. */
export async function postgresLeftovers(database: string): Promise<Map<string, number>> {
  const [row] = await sql(
    database,
    `SELECT (SELECT count(*) FROM agentlane.tasks WHERE lease_expires_at IS NOT NULL)::integer AS leases,
      (SELECT count(*) FROM agentlane.doorbells)::integer AS doorbells,
      (SELECT count(*) FROM agentlane.tasks WHERE due_at IS NOT NULL)::integer AS due,
      (SELECT count(*) FROM agentlane.tasks WHERE ready)::integer AS ready,
      (SELECT count(*) FROM agentlane.tasks WHERE lane_order IS NOT NULL)::integer AS unfinished`,
  );
  return new Map(Object.entries(row ?? {}).map(([name, count]) => [name, Number(count)]));
}
