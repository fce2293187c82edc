/** What breaks if the database, the URL or a pooler sets connections up in another way than we do? */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock, systemRandom } from "../../src/clock.ts";
import type { Store, TaskRef } from "../../src/store/contract.ts";
import { createPool } from "../../src/store/postgres/pool.ts";
import { createPostgresStore, type PostgresStoreOptions } from "../../src/store/postgres/store.ts";
import {
  newTaskId,
  QUEUE,
  type SubmissionOverrides,
  submission,
  TENANT,
  taskResult,
} from "../harness/builders.ts";
import {
  hasPostgres,
  type PostgresServer,
  sql,
  startPostgres,
} from "../harness/postgres-server.ts";

const EXPECTED = {
  default_transaction_isolation: "read committed",
  bytea_output: "hex",
  standard_conforming_strings: "on",
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  jit: "off",
  plan_cache_mode: "force_generic_plan",
  statement_timeout: "15s",
  lock_timeout: "1s",
};

const CONTRARY = [
  "default_transaction_isolation = 'repeatable read'",
  "bytea_output = 'escape'",
  "standard_conforming_strings = off",
  "enable_seqscan = on",
  "plan_cache_mode = 'force_custom_plan'",
];

describe.runIf(hasPostgres)("connections to PostgreSQL", () => {
  let server: PostgresServer;
  let url = "";
  const disposals: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    server = await startPostgres();
  });
  beforeEach(async () => {
    url = await server.createDatabase();
  });
  afterEach(async () => {
    for (const dispose of disposals.splice(0).reverse()) await dispose();
  });
  afterAll(() => server.stop());

  async function started(options: Partial<PostgresStoreOptions> = {}): Promise<Store> {
    const store = createPostgresStore({
      url,
      clock: systemClock,
      random: systemRandom,
      onWarning: () => undefined,
      ...options,
    });
    disposals.push(() => store.stop());
    await store.start();
    return store;
  }

  async function accept(store: Store, overrides: SubmissionOverrides = {}): Promise<TaskRef> {
    const { task } = await store.tasks.create(submission(overrides));
    return { tenant: TENANT, taskId: task.taskId };
  }

  async function runTask(store: Store, ref: TaskRef): Promise<void> {
    const request = { ref, workerId: "w1", claimId: newTaskId(), leaseMs: 60_000, spanId: "" };
    const { claim } = await store.tasks.claim(request);
    if (!claim) throw new Error("not claimed");
    const ending = { state: TaskState.COMPLETED, result: taskResult() } as const;
    await store.tasks.finish(claim.lease, { afterSequence: 2, events: [], ending });
  }

  async function rows(at: string, text: string): Promise<Record<string, string>[]> {
    const pool = createPool({
      url: at,
      clock: systemClock,
      random: systemRandom,
      size: 1,
      acquireTimeoutMs: 5000,
      settleTimeoutMs: 5000,
      lockTimeoutMs: 1000,
    });
    await pool.start();
    try {
      const client = await pool.acquire();
      const found = await client.query(text);
      client.release();
      return found.rows;
    } finally {
      await pool.stop();
    }
  }

  async function setAgainstUs(): Promise<void> {
    const name = new URL(url).pathname.slice(1);
    for (const setting of CONTRARY) await sql(url, `ALTER DATABASE ${name} SET ${setting}`);
  }

  it("are set up as we need them, whatever the database and the URL say", async () => {
    await setAgainstUs();
    const at = `${url}?options=${encodeURIComponent("-c enable_hashjoin=on -c jit=on")}`;
    const names = Object.keys(EXPECTED).map((name) => `'${name}'`);
    const found = await rows(
      at,
      `SELECT n, current_setting(n) AS value FROM unnest(ARRAY[${names}]) n`,
    );
    expect(Object.fromEntries(found.map(({ n, value }) => [n, value]))).toEqual(EXPECTED);
  });

  it("say nothing as they connect that PgBouncer refuses", async () => {
    const found = await rows(url, "SELECT name FROM pg_settings WHERE source = 'client'");
    const allowed = ["application_name", "client_encoding", "DateStyle", "TimeZone"];
    expect(found.filter(({ name = "" }) => !allowed.includes(name))).toEqual([]);
  });

  it("keep a session's tasks in order where transactions would see an old state", async () => {
    await setAgainstUs();
    const store = await started();
    const task = { sessionId: "s1" };
    await runTask(store, await accept(store, { task }));
    const held = sql(
      url,
      "BEGIN; SELECT FROM agentlane.lanes FOR UPDATE; SELECT pg_sleep(0.5); COMMIT",
    );
    await expect.poll(() => lockCount("granted AND mode = 'RowShareLock'")).toBe(1);
    await Promise.all([accept(store, { task }), accept(store, { task })]);
    await held;
    expect(await store.log.figures(QUEUE)).toMatchObject({ readyCount: 1, waitingCount: 1 });
    expect(await store.tasks.ready(QUEUE, "", 10)).toHaveLength(1);
  });

  async function lockCount(which: string): Promise<unknown> {
    const [row] = await sql(
      url,
      `SELECT count(*)::integer AS count FROM pg_locks WHERE ${which} AND relation = 'agentlane.lanes'::regclass`,
    );
    return row?.count;
  }

  it("do not pile up in the server while it waits for a standby", async () => {
    const poolSize = 2;
    const store = await started({ poolSize, statementTimeoutMs: 300 });
    const ref = await accept(store);
    const waitFor = async (standby: string): Promise<void> => {
      await sql(server.url(), `ALTER SYSTEM SET synchronous_standby_names = '${standby}'`);
      await sql(server.url(), "SELECT pg_reload_conf()");
    };
    disposals.push(() => waitFor(""));
    await waitFor("gone");
    // The server's processes take it up one after the other.
    const submit = () => accept(store).catch(({ kind }: { kind: string }) => kind);
    await expect.poll(submit, { timeout: 10_000 }).toBe("unavailable");
    for (let count = 0; count < 8; count++) {
      await expect(accept(store)).rejects.toMatchObject({ kind: "unavailable" });
    }
    const [left] = await sql(
      url,
      "SELECT count(*)::integer AS count FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
    );
    expect(left?.count).toBe(poolSize);
    await waitFor("");
    await expect
      .poll(() => store.log.get(ref).catch(() => undefined), { timeout: 10_000 })
      .toBeDefined();
    await accept(store);
  });
});
