/** The rows of the performance guide on PostgreSQL: Execute through a Redis queue and this store. */
import { type PostgresServer, sql, startPostgres } from "../test/harness/postgres-server.ts";
import { type RedisServer, startRedis } from "../test/harness/redis-server.ts";
import { type Case, type Effort, type Measured, measure, median, type Row } from "./compare.ts";
import { startChild, startLoadClient } from "./processes.ts";
import { EXECUTE, requestBytes } from "./workload.ts";

type OnRow = (row: Row) => void;

const WARM_UP_MS = 3000;
const TARGETS: Readonly<Record<number, { rate: string; p50: string }>> = {
  1: { rate: "", p50: "≤ 5" },
  32: { rate: "≥ 500", p50: "" },
};

/** Statements that a task is made of; the others are the chores of two processes. */
const STATEMENTS = `SELECT sum(calls)::integer AS all_calls,
  (sum(calls) FILTER (WHERE query ~ '(create_task|mark_published|claim_task|append_events|finish_task|contexts c)'))::integer AS task_calls,
  (SELECT sum(completed)::integer FROM agentlane.counts) AS tasks
  FROM pg_stat_statements WHERE query LIKE '%"agentlane".%'`;

/** A gateway and a worker, each a process; commits wait for the disk. */
async function execute(effort: Effort, onRow: OnRow): Promise<Row[]> {
  const redis = await startRedis();
  const postgres = await startPostgres({
    fsync: true,
    settings: { shared_preload_libraries: "pg_stat_statements", synchronous_commit: "on" },
  });
  const parts: { stop(): Promise<void> }[] = [postgres, redis];
  try {
    return await rowsOf(redis, postgres, parts, effort, onRow);
  } finally {
    for (const part of parts.reverse()) await part.stop();
  }
}

async function rowsOf(
  redis: RedisServer,
  postgres: PostgresServer,
  parts: { stop(): Promise<void> }[],
  effort: Effort,
  onRow: OnRow,
): Promise<Row[]> {
  const database = await postgres.createDatabase();
  await sql(database, "CREATE EXTENSION pg_stat_statements");
  const shared = { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: redis.url, STORE_URL: database };
  const start = async (executor: string, env: object) => {
    const child = await startChild("servers/agentlane.ts", [executor, JSON.stringify(env)]);
    parts.push(child);
    return child;
  };
  await start("trivial", shared);
  const gateway = await start("trivial", { ...shared, TASK_MANAGER_ENABLED: "false" });
  const client = startLoadClient();
  parts.push(client);
  const call = { port: gateway.port, path: EXECUTE, message: requestBytes() };
  const side = {
    run: (order: { concurrency: number; durationMs: number }) => client.load({ ...order, ...call }),
    rate: ({ calls, elapsedMs }: { calls: number; elapsedMs: number }) =>
      (calls * 1000) / elapsedMs,
  };
  await measure(side, { concurrency: 32, durationMs: WARM_UP_MS });
  const rows: Row[] = [];
  const add = (row: Row): void => {
    rows.push(row);
    onRow(row);
  };
  for (const concurrency of [1, 32]) {
    const order = { concurrency, durationMs: effort.seconds * 1000 };
    const before = await statements(database);
    const rounds: Measured[] = [];
    for (let round = 0; round < effort.rounds; round++) rounds.push(await measure(side, order));
    const after = await statements(database);
    const tasks = after.tasks - before.tasks;
    const name = `Execute through Redis and PostgreSQL (synchronous_commit=on), c=${concurrency}`;
    const target = TARGETS[concurrency];
    const rate = median(rounds.map((round) => round.rate));
    const p50 = median(rounds.map((round) => round.p50Ms));
    add(figure(`${name}: calls`, "calls/s", rate, 500, target?.rate));
    add(figure(`${name}: p50`, "ms", p50, 5, target?.p50));
    const own = (after.taskCalls - before.taskCalls) / tasks;
    add(figure(`${name}: SQL round trips a task`, "statements", own, 5, "≤ 5"));
    const all = (after.allCalls - before.allCalls) / tasks;
    add(figure(`${name}: with the chores of both processes`, "statements", all, 5, ""));
  }
  return rows;
}

function figure(name: string, unit: string, ours: number, peer: number, target = ""): Row {
  return { case: name, unit, ours, peer, ratio: ours / peer, target };
}

async function statements(database: string) {
  const [row] = await sql(database, STATEMENTS);
  const of = (name: string): number => Number(row?.[name]);
  return { allCalls: of("all_calls"), taskCalls: of("task_calls"), tasks: of("tasks") };
}

export const postgresCases: readonly Case[] = [
  { group: "postgres", name: "postgres execute", run: execute },
];
