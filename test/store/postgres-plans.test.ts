/** Whether every statement that the services send finds its rows by an index, however many there are. */
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { type Arguments, transposed } from "../../src/store/postgres/group-commit.ts";
import { statementsOf } from "../../src/store/postgres/statements.ts";
import { createPostgresStore } from "../../src/store/postgres/store.ts";
import {
  hasPostgres,
  type PostgresServer,
  sql,
  startPostgres,
} from "../harness/postgres-server.ts";

/** 50,000 tasks of 500 sessions in all states, each with 4 entries. */
const ROWS = `
  INSERT INTO agentlane.lanes (id, tenant, agent_id, session_id)
    SELECT n, 'default', 'echo', 's' || n FROM generate_series(1, 500) n;
  INSERT INTO agentlane.contexts SELECT n, 'default', 'echo', 's' || n, '', 1, 2, '0 0', '0 0', 'e', n, n
    FROM generate_series(1, 500) n;
  INSERT INTO agentlane.submissions
    SELECT n, 'default', 'task-' || lpad(n::text, 8, '0'), n % 500 + 1, 'echo', 's' || n % 500 + 1, 'q', 2, n,
      NULL, '', '', '' FROM generate_series(1, 50000) n;
  INSERT INTO agentlane.tasks (id, tenant, task_id, agent_id, queue, lane, state, lane_order, ready, attempt,
      consumed_attempts, redrive_count, first_sequence, last_sequence, fence, claim_id, attempt_sequence,
      lease_expires_at, finished_at, due_at, cancel_mode, cancel_reason, failure_reason, attempts, retention,
      ended_order)
    SELECT n, 'default', 'task-' || lpad(n::text, 8, '0'), 'echo', 'q', n % 500 + 1, s, CASE WHEN s <= 3 THEN n END,
      s = 1 AND n % 2 = 0, 1, 0, 0, 1, 4, n, '', 2, CASE WHEN s = 2 THEN n END, CASE WHEN s > 3 THEN n END,
      CASE WHEN s = 3 THEN n END, 0, '', '', '[{}]', CASE WHEN s = 6 THEN 3 WHEN s > 3 THEN 1 END,
      CASE WHEN s > 3 THEN n END
    FROM (SELECT n, n % 7 + 1 AS s FROM generate_series(1, 50000) n) x;
  INSERT INTO agentlane.doorbells SELECT id, id FROM agentlane.tasks WHERE ready;
  INSERT INTO agentlane.keys SELECT 'default', 'k' || n, '', n, n FROM generate_series(1, 50000) n;
  INSERT INTO agentlane.events SELECT n, s, 1, 0, 0, 0, n, NULL, '' FROM generate_series(1, 50000) n,
    generate_series(1, 4) s;
  INSERT INTO agentlane.counts (queue, shard) SELECT 'q' || n % 10, n / 10 FROM generate_series(1, 600) n;
  INSERT INTO agentlane.workers SELECT 'w' || n, '', 0, 9e15 FROM generate_series(1, 50) n;
  INSERT INTO agentlane.instances SELECT 'default', 'echo#s' || n, 'w' || n % 50 + 1, ''
    FROM generate_series(1, 5000) n;
  UPDATE agentlane.tasks SET quota_level = id % 4 + 1, quota_bytes = 1, held_since = id WHERE state = 1 AND NOT ready;
  INSERT INTO agentlane.tenants (tenant, places) SELECT 't' || n, 4 FROM generate_series(1, 5000) n;
  INSERT INTO agentlane.tenants (tenant, places) VALUES ('default', 4);
  INSERT INTO agentlane.tenant_lines (tenant, queue, held) SELECT 't' || n, 'q', n % 10 FROM generate_series(1, 5000) n;
  INSERT INTO agentlane.tenant_lines (tenant, queue, held) VALUES ('default', 'q', 3000);
  SELECT setval('agentlane.orders', 1000000);
  ANALYZE;`;

/** Auto-explain tells the plans inside functions too. */
const EXPLAINED =
  "-c auto_explain.log_min_duration=0 -c auto_explain.log_nested_statements=on -c client_min_messages=log -c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off";

const NONE = Buffer.alloc(0);
const FINISH: Arguments = [
  ...["default", "task-00049995", 49_995, 4, 4, false, 0, 1, NONE, NONE, ""],
  ...["", "", null, null, null, [], 7],
];
const CREATE: Arguments = [
  ...["default", "new", "key", "d", 0, "q", 100_000, 1000, 1000, "echo", "s7", 2],
  ...[null, NONE, NONE, "", NONE, ""],
  JSON.stringify({ bytes: 1, window: 4, maxQueuedTasks: 1, maxLiveSessions: 1000 }),
];

const BIG =
  /Seq Scan on (tasks|submissions|events|keys|lanes|contexts|doorbells|counts|instances|tenants|tenant_lines)/;

describe.runIf(hasPostgres)("no statement of the PostgreSQL store reads a whole table", () => {
  let server: PostgresServer;
  let url = "";
  beforeAll(async () => {
    server = await startPostgres({ settings: { session_preload_libraries: "auto_explain" } });
    url = await server.createDatabase();
    const store = createPostgresStore({
      url,
      clock: systemClock,
      random: systemRandom,
      onWarning: () => undefined,
    });
    await store.start();
    await store.stop();
    await sql(url, ROWS);
  });
  afterAll(() => server.stop());

  async function plansOf(text: string, values: readonly unknown[]): Promise<string[]> {
    const client = new Client({ connectionString: url, options: EXPLAINED });
    const plans: string[] = [];
    client.on("notice", ({ message }) => void plans.push(message ?? ""));
    await client.connect();
    try {
      await client.query("BEGIN");
      await client.query({ text, values: [...values], name: "explained" });
      await client.query("ROLLBACK");
    } finally {
      await client.end();
    }
    return plans;
  }

  const { queries, functions } = statementsOf("agentlane");
  const none = NONE;
  const task = "task-00000008";
  const running = "task-00000015";
  const cases: [string, string, readonly unknown[]][] = [
    ["task", queries.task.text, ["default", task]],
    ["taskOfKey", queries.taskOfKey.text, ["default", "k5"]],
    ["log", queries.log.text, ["default", task, 0, 10, 2e6]],
    ["list", queries.list.text, ["default", 9e15, 5000, 11, null, null, ["6"], '{"a":"b"}', 2e6]],
    [
      "listSession",
      queries.listSession.text,
      ["default", 9e15, 5000, 11, "echo", "s5", null, null, 2e6],
    ],
    ["figures", queries.figures.text, ["q1"]],
    ["queues", queries.queues.text, []],
    ["ready", queries.ready.text, ["q", "", 100]],
    ["dead", queries.dead.text, ["default", null, null, 9e15, 11, 2e6]],
    ["deadIds", queries.deadIds.text, ["default", 9e15, 1000]],
    ["session", queries.session.text, ["default", "echo", "s5"]],
    ["lane", queries.lane.text, ["default", "echo", "s5"]],
    ["sessions", queries.sessions.text, ["default", 9e15, 5000, 11, null]],
    [
      "instances",
      queries.instances.text,
      ["default", "echo#", "echo#\u{10ffff}", null, "", "", 11],
    ],
    ["expired_leases", functions.expired_leases.text, [100]],
    [
      "claim_task",
      functions.claim_task.text,
      ["default", "task-00000014", "w1", 1000, "", none, "c1"],
    ],
    ["append_events", functions.append_events.text, ["default", running, 15, 4, [none]]],
    [
      "append_logs",
      functions.append_logs.text,
      [["default"], [running], ["15"], ["4"], [none], ["1"]],
    ],
    [
      "claim_tasks",
      functions.claim_tasks.text,
      [["default"], ["task-00000014"], ["w1"], ["1000"], [""], [none], ["c1"]],
    ],
    ["renew_leases", functions.renew_leases.text, [1000, ["default"], [running], ["15"]]],
    ["mark_published", functions.mark_published.text, [["default"], ["task-00000014"]]],
    ["cancel_task", functions.cancel_task.text, ["default", "", "k14", 1, "", none]],
    ["finish_task", functions.finish_task.text, FINISH],
    ["finish_tasks", functions.finish_tasks.text, transposed([FINISH])],
    ["create_task", functions.create_task.text, CREATE.with(4, 3)],
    ["create_tasks", functions.create_tasks.text, transposed([CREATE])],
    ["redrive_tasks", functions.redrive_tasks.text, ["default", ["task-00000005"]]],
    ["purge_tasks", functions.purge_tasks.text, ["default", ["task-00000005"], null]],
    [
      "import_context",
      functions.import_context.text,
      ["default", "echo", "new", true, none, 1, 0, "", ""],
    ],
    [
      "destroy_session",
      functions.destroy_session.text,
      ["default", "echo", "s8", none, none, "", 4, null],
    ],
    [
      "report_worker",
      functions.report_worker.text,
      ["w1", 1000, none, ["default"], ["echo#s1"], ["default"], ["x"], [none]],
    ],
    ["remove_worker", functions.remove_worker.text, ["w1"]],
    ["holding", queries.holding.text, ["t17", 10]],
    ["tenant_usage", functions.tenant_usage.text, ["default"]],
    ["schedule_tenant", functions.schedule_tenant.text, ["default", 8, 100, 10]],
    ["close_tenant", functions.close_tenant.text, ["nobody"]],
    ["clear_tenant", functions.clear_tenant.text, ["nobody", 1000, Buffer.alloc(0), "gone"]],
    ["sweep_store", functions.sweep_store.text, [50, 0, 0, 0, 0, 0, none]],
  ];

  it.each(cases)("%s", async (_, text, values) => {
    const plans = await plansOf(text, values);
    expect(plans.length).toBeGreaterThan(0);
    expect(plans.filter((plan) => BIG.test(plan))).toEqual([]);
  });

  it("and all are looked at", () => {
    const seen = cases.map(([name]) => name);
    const all = [...Object.keys(queries), ...Object.keys(functions)];
    // They read nothing, or the few workers and API keys there are.
    const keys = ["apiKey", "apiKeys", "add_api_key", "revoke_api_key", "use_api_key"];
    keys.push("forget_api_keys");
    const exempt = ["ping", "workers", ...keys];
    expect(all.filter((name) => !seen.includes(name) && !exempt.includes(name))).toEqual([]);
  });
});
