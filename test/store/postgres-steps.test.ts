/** What breaks if one session is large, or one row is held, while others want to go on? */
import { readFileSync } from "node:fs";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock, systemRandom } from "../../src/clock.ts";
import type { Claim, Store, TaskRef } from "../../src/store/contract.ts";
import { migrateSchema } from "../../src/store/postgres/migrate.ts";
import { createPostgresStore } from "../../src/store/postgres/store.ts";
import {
  newTaskId,
  QUEUE,
  type SubmissionOverrides,
  submission,
  TENANT,
  taskResult,
} from "../harness/builders.ts";
import { migrateTo } from "../harness/postgres-schema.ts";
import {
  hasPostgres,
  type PostgresServer,
  sql,
  startPostgres,
} from "../harness/postgres-server.ts";

/** So many ended tasks of session s1, which is known; every tenth is a dead letter. */
const ended = (count: number) => `
  INSERT INTO agentlane.submissions
    SELECT nextval('agentlane.orders'), '${TENANT}', 'old-' || n, l.id, 'echo', 's1', '${QUEUE}', 2, n, NULL, '', '', ''
    FROM generate_series(1, ${count}) n, agentlane.lanes l WHERE l.session_id = 's1';
  INSERT INTO agentlane.tasks (id, tenant, task_id, agent_id, queue, lane, state, ready, attempt,
      consumed_attempts, redrive_count, first_sequence, last_sequence, fence, claim_id, attempt_sequence,
      finished_at, cancel_mode, cancel_reason, failure_reason, attempts, retention, ended_order)
    SELECT s.id, s.tenant, s.task_id, 'echo', s.queue, s.lane, CASE WHEN s.id % 10 = 0 THEN 6 ELSE 4 END, false,
      1, 1, 0, 1, 2, s.id, '', 2, 1, 0, '', '', '[{}]', CASE WHEN s.id % 10 = 0 THEN 3 ELSE 1 END, s.id
    FROM agentlane.submissions s WHERE s.task_id LIKE 'old-%';
  INSERT INTO agentlane.counts (queue, shard, dead)
    SELECT '${QUEUE}', 63, count(*) FROM agentlane.tasks WHERE state = 6
    ON CONFLICT (queue, shard) DO UPDATE SET dead = excluded.dead;
  INSERT INTO agentlane.keys SELECT tenant, task_id, '', id, 9e15 FROM agentlane.tasks WHERE task_id LIKE 'old-%';
  INSERT INTO agentlane.events SELECT id, s, 1, 0, 0, 0, 1, NULL, '' FROM agentlane.tasks, generate_series(1, 2) s
    WHERE task_id LIKE 'old-%';
  ANALYZE;`;

const TABLES = ["submissions", "tasks", "events", "keys", "doorbells", "lanes", "contexts"];

describe.runIf(hasPostgres)("the PostgreSQL store keeps going", () => {
  let server: PostgresServer;
  let url = "";
  let store: Store;
  const disposals: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    server = await startPostgres();
  });
  beforeEach(async () => {
    url = await server.createDatabase();
    store = createPostgresStore({
      url,
      clock: systemClock,
      random: systemRandom,
      onWarning: () => undefined,
    });
  });
  afterEach(async () => {
    for (const dispose of disposals.splice(0).reverse()) await dispose();
    await store.stop();
  });
  afterAll(() => server.stop());

  const session = { tenant: TENANT, agentId: "echo", sessionId: "s1" };

  async function accept(overrides: SubmissionOverrides = {}): Promise<TaskRef> {
    const { task } = await store.tasks.create(submission(overrides));
    return { tenant: TENANT, taskId: task.taskId };
  }

  const acceptIn = (sessionId: string) => accept({ task: { sessionId } });

  async function claim(ref: TaskRef): Promise<Claim> {
    const request = { ref, workerId: "w1", claimId: newTaskId(), leaseMs: 60_000, spanId: "" };
    const { claim: claimed } = await store.tasks.claim(request);
    if (!claimed) throw new Error("not claimed");
    return claimed;
  }

  async function countsOf(): Promise<Record<string, unknown>> {
    const counts = TABLES.map((table) => {
      return `(SELECT count(*)::integer FROM agentlane.${table}) AS ${table}`;
    });
    const [row] = await sql(url, `SELECT ${counts.join(", ")}`);
    return row ?? {};
  }

  async function connected(): Promise<Client> {
    const client = new Client({ connectionString: url });
    await client.connect();
    disposals.push(() => client.end());
    return client;
  }

  it("when a session with 30,000 tasks is destroyed", { timeout: 60_000 }, async () => {
    await store.start();
    const running = await claim(await acceptIn("s1"));
    const waiting = await acceptIn("s1");
    await sql(url, ended(30_000));
    const other = await acceptIn("s2");
    const { existed, canceledCount, effects } = await store.sessions.destroy(session);
    expect([existed, canceledCount]).toEqual([true, 2]);
    const told = effects.notices.map(({ kind, taskId }) => [kind.case, taskId]);
    expect(told).toEqual([
      ["entries", running.lease.taskId],
      ["entries", waiting.taskId],
      ["cancelRequested", running.lease.taskId],
      ["sessionReplaced", ""],
    ]);
    const one = { submissions: 1, tasks: 1, events: 1, doorbells: 1, lanes: 1 };
    expect(await countsOf()).toEqual({ ...one, keys: 0, contexts: 0 });
    expect((await store.log.get(other)).state).toBe(TaskState.QUEUED);
    expect(await store.log.figures(QUEUE)).toMatchObject({
      readyCount: 1,
      waitingCount: 0,
      runningCount: 0,
      deadLetterCount: 0,
      completedCount: 2,
      attemptCount: 1,
    });
    expect((await store.sessions.destroy(session)).existed).toBe(false);
  });

  it("when a session begins anew between two steps of its end", async () => {
    await store.start();
    await acceptIn("s1");
    await sql(url, ended(6000));
    const step = async (before: unknown) => {
      const [row] = await sql(
        url,
        "SELECT agentlane.destroy_session($1, 'echo', 's1', '', '', '', 4, $2) AS answer",
        [TENANT, before],
      );
      return Object(row?.answer);
    };
    const first = await step(null);
    expect(first).toMatchObject({ existed: true, count: 1, left: true });
    const { redriven } = await store.deadLetters.redrive(TENANT, ["old-5999", "old-5989"]);
    const fresh = await acceptIn("s1");
    const second = await step(first.before);
    expect(second).toMatchObject({ existed: true, count: redriven.length, left: false });
    expect(await store.sessions.lane(session)).toEqual([fresh.taskId]);
    expect(await store.log.figures(QUEUE)).toMatchObject({ readyCount: 1, deadLetterCount: 0 });
    await claim(fresh);
  });

  it("when one of a worker's tasks is held by somebody else", async () => {
    await store.start();
    const claims = [await claim(await accept()), await claim(await accept())];
    const leases = claims.map(({ lease }) => lease);
    const holder = await connected();
    await holder.query("BEGIN");
    await holder.query("SELECT FROM agentlane.tasks WHERE task_id = $1 FOR UPDATE", [
      leases[0]?.taskId,
    ]);
    const lasting = { valid: true };
    expect(await store.tasks.renew(leases, 120_000)).toEqual([lasting, lasting]);
    const extended = await sql(
      url,
      "SELECT task_id FROM agentlane.tasks WHERE lease_expires_at > agentlane.now_ms() + 90000",
    );
    expect(extended).toEqual([{ task_id: leases[1]?.taskId }]);
    await holder.query("DELETE FROM agentlane.tasks WHERE task_id = $1", [leases[0]?.taskId]);
    await holder.query("COMMIT");
    expect(await store.tasks.renew(leases, 120_000)).toEqual([{ valid: false }, lasting]);
  });

  it("when a process of the release before works beside this one", async () => {
    await migrateTo(url, 13);
    await sql(url, readFileSync(new URL("stored/postgres-13.sql", import.meta.url), "utf8"));
    const before = await connected();
    const destroy = {
      name: "destroy_session",
      text: "SELECT agentlane.destroy_session($1, $2, $3, $4, $5, $6, $7) AS answer",
    };
    const values = (sessionId: string) => [TENANT, "echo", sessionId, "", "", "", 4];
    await before.query({ ...destroy, values: values("none") });
    await migrateSchema({ url, schema: "agentlane" });
    await store.start();
    const { rows } = await before.query({ ...destroy, values: values("s1") });
    expect(rows[0].answer).toMatchObject({ existed: true, count: 2 });
    expect(await store.sessions.lane(session)).toEqual([]);
    expect(await store.sessions.load(session)).toBeUndefined();
    const held = await claim(await accept());
    const { rows: renewed } = await before.query(
      "SELECT agentlane.renew_leases($1, $2, $3, $4) AS answer",
      [1000, [TENANT], [held.lease.taskId], [`${held.lease.fence}`]],
    );
    expect(renewed[0].answer).toMatchObject([{ valid: true }]);
  });

  const completed = () => ({ state: TaskState.COMPLETED, result: taskResult() }) as const;

  it("with what it has stored before it was brought up to date", async () => {
    await migrateTo(url, 13);
    await sql(url, readFileSync(new URL("stored/postgres-13.sql", import.meta.url), "utf8"));
    await store.start();
    expect(await store.sessions.lane(session)).toEqual(["runs", "queued"]);
    const queued = { tenant: TENANT, taskId: "queued" };
    await sql(url, "UPDATE agentlane.tasks SET lease_expires_at = 1 WHERE state = 2");
    const [expired] = await store.tasks.expired(1);
    if (!expired) throw new Error("no lease has expired");
    const finish = { afterSequence: 2, events: [], ending: completed(), ifExpired: true };
    await store.tasks.finish(expired.lease, finish);
    await claim(queued);
    expect(await store.sessions.destroy(session)).toMatchObject({
      existed: true,
      canceledCount: 1,
    });
    await expect(store.log.get(queued)).rejects.toMatchObject({ kind: "not_found" });
  });
});
