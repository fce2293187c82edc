/** The rows of the performance guide on PostgreSQL: Execute through a Redis queue and this store. */
import pg from "pg";
import { type PostgresServer, sql, startPostgres } from "../test/harness/postgres-server.ts";
import { type RedisServer, startRedis } from "../test/harness/redis-server.ts";
import {
  type Case,
  type Effort,
  type Measured,
  measure,
  median,
  type Row,
  type Side,
} from "./compare.ts";
import { startChild, startLoadClient } from "./processes.ts";
import { EXECUTE, requestBytes } from "./workload.ts";

type OnRow = (row: Row) => void;

const WARM_UP_MS = 3000;
const TARGETS: Readonly<Record<number, { rate: string; p50: string }>> = {
  1: { rate: "", p50: "≤ 5 ms" },
  32: { rate: "≥ 500 calls/s", p50: "" },
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
  const sideOf = ({ port }: { readonly port: number }): Side => ({
    run: (order) => client.load({ ...order, port, path: EXECUTE, message: requestBytes() }),
    rate: ({ calls, elapsedMs }) => (calls * 1000) / elapsedMs,
  });
  const side = sideOf(gateway);
  const memory = sideOf(await start("trivial", {}));
  await measure(memory, { concurrency: 32, durationMs: WARM_UP_MS });
  await measure(side, { concurrency: 32, durationMs: WARM_UP_MS });
  const rows: Row[] = [];
  const add = (row: Row): void => {
    rows.push(row);
    onRow(row);
  };
  for (const concurrency of [1, 32]) {
    const order = { concurrency, durationMs: effort.seconds * 1000 };
    const before = await statements(database);
    const rounds: { ours: Measured; peer: Measured }[] = [];
    for (let round = 0; round < effort.rounds; round++) {
      rounds.push({ peer: await measure(memory, order), ours: await measure(side, order) });
    }
    const after = await statements(database);
    const tasks = after.tasks - before.tasks;
    const name = `Execute through Redis and PostgreSQL (synchronous_commit=on), c=${concurrency}`;
    const target = TARGETS[concurrency];
    const of = (figure: "rate" | "p50Ms") => ({
      ours: median(rounds.map(({ ours }) => ours[figure])),
      peer: median(rounds.map(({ peer }) => peer[figure])),
      ratio: median(rounds.map(({ ours, peer }) => ours[figure] / peer[figure])),
    });
    const rate = { case: `${name} ÷ in memory`, unit: "calls/s", ...of("rate") };
    const p50 = { case: `${name} ÷ in memory`, unit: "ms p50", ...of("p50Ms") };
    const own = (after.taskCalls - before.taskCalls) / tasks;
    const all = (after.allCalls - before.allCalls) / tasks;
    add({ ...rate, target: target?.rate ?? "" });
    add({ ...p50, target: target?.p50 ?? "" });
    if (concurrency === 1) add(await commitsRow(database, of("p50Ms").ours));
    add(statementsRow(`${name}: SQL round trips a task`, own));
    add(statementsRow(`${name}: with the chores of both processes`, all));
  }
  return rows;
}

const COMMITS = 200;

/** What the disk has in it: a task waits for three commits, one after the other. */
async function commitsRow(database: string, p50Ms: number): Promise<Row> {
  const client = new pg.Client(database);
  await client.connect();
  await client.query("CREATE TABLE public.probe (n integer)");
  const elapsedMs: number[] = [];
  for (let n = 0; n < COMMITS; n++) {
    const startedAt = performance.now();
    await client.query("INSERT INTO public.probe VALUES ($1)", [n]);
    elapsedMs.push(performance.now() - startedAt);
  }
  await client.end();
  const peer = median(elapsedMs);
  const name = "its p50 ÷ one INSERT of one row, committed";
  return { case: name, unit: "ms p50", ours: p50Ms, peer, ratio: p50Ms / peer, target: "" };
}

const MAX_STATEMENTS = 5;

function statementsRow(name: string, ours: number): Row {
  const ratio = ours / MAX_STATEMENTS;
  const target = name.includes("chores") ? "" : `≤ ${MAX_STATEMENTS}`;
  return { case: name, unit: "statements", ours, peer: MAX_STATEMENTS, ratio, target };
}

async function statements(database: string) {
  const [row] = await sql(database, STATEMENTS);
  const of = (name: string): number => Number(row?.[name]);
  return { allCalls: of("all_calls"), taskCalls: of("task_calls"), tasks: of("tasks") };
}

export const postgresCases: readonly Case[] = [
  { group: "postgres", name: "postgres execute", run: execute },
];
