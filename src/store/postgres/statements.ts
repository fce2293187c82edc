/**
 * Every statement that the store sends: a call of a function of migrations/, or a query. Each answers
 * in one column, "answer". "agentlane." stands for the schema, as in the migrations.
 */
import type { Statement } from "./connection.ts";

/** Functions with the number of their arguments. */
const FUNCTIONS = {
  add_api_key: 6,
  append_events: 5,
  append_logs: 6,
  cancel_task: 6,
  claim_task: 7,
  claim_tasks: 7,
  clear_tenant: 4,
  close_tenant: 1,
  create_task: 19,
  create_tasks: 19,
  destroy_session: 8,
  finish_task: 18,
  finish_tasks: 19,
  forget_api_keys: 1,
  import_context: 9,
  mark_published: 2,
  purge_tasks: 3,
  redrive_tasks: 2,
  remove_worker: 1,
  renew_leases: 4,
  report_worker: 8,
  revoke_api_key: 2,
  schedule_tenant: 4,
  sweep_store: 7,
  tenant_usage: 1,
  use_api_key: 2,
  expired_leases: 1,
} as const;

/** Functions of one operation that go together, and the function of several. */
export const GROUPED = {
  append_events: "append_logs",
  claim_task: "claim_tasks",
  create_task: "create_tasks",
  finish_task: "finish_tasks",
} as const;
export type GroupedName = keyof typeof GROUPED;

const QUERIES = {
  ping: "SELECT 1 AS answer",

  task: "SELECT to_json(v) AS answer FROM agentlane.shown_tasks v WHERE v.tenant = $1 AND v.task_id = $2",

  /** $1 tenant, $2 idempotency key. */
  taskOfKey: `SELECT to_json(s.task_id) AS answer FROM agentlane.keys k JOIN agentlane.submissions s ON s.id = k.task
    WHERE k.tenant = $1 AND k.key = $2 AND k.expires_at > agentlane.now_ms()`,

  /** $1 tenant, $2 task id, $3 after sequence, $4 limit, $5 most bytes. */
  log: `SELECT json_build_object('state', t.state, 'first', t.first_sequence, 'last', t.last_sequence,
      'entries', (SELECT json_agg(to_json(p) ORDER BY p.sequence) FROM (
        SELECT e.*, sum(octet_length(e.body)) OVER (ORDER BY e.sequence) AS bytes FROM (
          SELECT * FROM agentlane.events e WHERE e.task = t.id AND e.sequence > $3 AND e.sequence <= t.last_sequence
          ORDER BY e.sequence LIMIT $4) e
      ) p WHERE p.bytes <= $5 OR p.bytes = octet_length(p.body))) AS answer
    FROM agentlane.submissions s JOIN agentlane.tasks t USING (id) WHERE s.tenant = $1 AND s.task_id = $2`,

  /** $1 tenant, $2 below this order, $3 rows to look at, $4 limit, then filters, null = any, $9 most bytes. */
  list: `WITH looked AS MATERIALIZED (
      SELECT s.id, s.agent_id, s.session_id, s.metadata FROM agentlane.submissions s
      WHERE s.tenant || '' = $1 AND s.id < $2 ORDER BY s.id DESC LIMIT $3
    )${listed()}`,

  /** The same of one session, named by $5 and $6. */
  listSession: `WITH looked AS MATERIALIZED (
      SELECT s.id, s.agent_id, s.session_id, s.metadata
      FROM agentlane.lanes l JOIN agentlane.submissions s ON s.lane = l.id
      WHERE l.tenant = $1 AND l.agent_id = $5 AND l.session_id = $6 AND s.id < $2 ORDER BY s.id DESC LIMIT $3
    )${listed()}`,

  figures: `SELECT to_json(f) AS answer FROM (
      SELECT sum(queued)::bigint AS queued, sum(running)::bigint AS running, sum(retry_wait)::bigint AS retry_wait,
        sum(ready)::bigint AS ready, sum(dead)::bigint AS dead, sum(completed)::bigint AS completed,
        sum(failed)::bigint AS failed, sum(attempts)::bigint AS attempts, sum(attempt_ms)::bigint AS attempt_ms
      FROM agentlane.counts WHERE queue = $1) f`,

  queues: "SELECT to_json(q.queue) AS answer FROM (SELECT DISTINCT queue FROM agentlane.counts) q",

  /** $1 queue, $2 after task id, $3 limit. */
  ready: `SELECT json_build_object('now', agentlane.now_ms(), 'bell', agentlane.bell(r.id) -> 'bell') AS answer FROM (
      SELECT t.id FROM agentlane.tasks t WHERE t.ready AND t.queue = $1 AND t.task_id > $2
      ORDER BY t.task_id LIMIT $3) r`,

  /** $1 tenant, $2 agent, $3 reason, null = any, $4 below this order, $5 limit, $6 most bytes. */
  dead: `WITH found AS MATERIALIZED (
      SELECT t.id, t.ended_order AS "order" FROM agentlane.tasks t WHERE t.tenant = $1 AND t.state = 6
        AND t.ended_order < $4
        AND ($2::text IS NULL OR t.agent_id = $2) AND ($3::text IS NULL OR t.failure_reason = $3)
      ORDER BY t.ended_order DESC LIMIT $5
    ), ${sized()} SELECT json_build_object('found', (SELECT count(*) FROM found),
      'count', (SELECT count(*) FROM agentlane.tasks c WHERE c.tenant = $1 AND c.state = 6
        AND ($2::text IS NULL OR c.agent_id = $2) AND ($3::text IS NULL OR c.failure_reason = $3)),
      'tasks', (SELECT json_agg(json_build_object('order', z."order", 'task', to_json(v)) ORDER BY z."order" DESC)
        FROM sized z JOIN agentlane.shown_tasks v USING (id) WHERE z.bytes <= $6 OR z.bytes = z.own)) AS answer`,

  /** $1 tenant, $2 below this order, $3 limit. */
  deadIds: `SELECT json_build_object('order', t.ended_order, 'task_id', t.task_id, 'agent_id', t.agent_id) AS answer
    FROM agentlane.tasks t WHERE t.tenant = $1 AND t.state = 6 AND t.ended_order < $2
    ORDER BY t.ended_order DESC LIMIT $3`,

  session: `SELECT to_json(c) AS answer FROM agentlane.lanes l JOIN agentlane.contexts c ON c.lane = l.id
    WHERE l.tenant = $1 AND l.agent_id = $2 AND l.session_id = $3`,

  lane: `SELECT to_json(t.task_id) AS answer FROM agentlane.lanes l
    JOIN agentlane.tasks t ON t.lane = l.id AND t.lane_order IS NOT NULL
    WHERE l.tenant = $1 AND l.agent_id = $2 AND l.session_id = $3 ORDER BY t.lane_order`,

  /** $1 tenant, $2 below this order, $3 rows to look at, $4 limit, $5 agent, null = any. */
  sessions: `WITH looked AS MATERIALIZED (
      SELECT c.agent_id, c.session_id, c.version::text AS version, c.message_count, c.created_at, c.updated_at,
        c.used_order AS "order"
      FROM agentlane.contexts c WHERE c.tenant = $1 AND c.used_order < $2 ORDER BY c.used_order DESC LIMIT $3
    ) SELECT json_build_object('looked', (SELECT count(*) FROM looked), 'last', (SELECT min("order") FROM looked),
      'sessions', (SELECT json_agg(to_json(f) ORDER BY f."order" DESC) FROM (
        SELECT * FROM looked WHERE $5::text IS NULL OR agent_id = $5 ORDER BY "order" DESC LIMIT $4) f)) AS answer`,

  /** $1 after this tenant, $2 limit. */
  holding: `SELECT to_json(l.tenant) AS answer FROM (SELECT DISTINCT o.tenant FROM agentlane.tenant_lines o
    WHERE o.held > 0 AND o.tenant > $1 ORDER BY o.tenant LIMIT $2) l`,

  apiKey: "SELECT to_json(k) AS answer FROM agentlane.api_keys k WHERE k.key_id = $1",

  /** $1 tenant, null = any, $2 after this id, $3 limit. */
  apiKeys: `SELECT to_json(k) AS answer FROM agentlane.api_keys k
    WHERE ($1::text IS NULL OR k.tenant = $1) AND k.key_id > $2 ORDER BY k.key_id LIMIT $3`,

  workers: `SELECT to_json(w) AS answer FROM agentlane.workers w WHERE w.expires_at > agentlane.now_ms()
    ORDER BY w.worker_id`,

  /** $1 tenant, $2 from and $3 to session key, $4 worker, null = any, $5 and $6 after these, $7 limit. */
  instances: `WITH found AS (
      SELECT i.session_key, i.worker_id, i.instance FROM agentlane.instances i
      JOIN agentlane.workers w ON w.worker_id = i.worker_id AND w.expires_at > agentlane.now_ms()
      WHERE i.tenant = $1 AND i.session_key >= $2 AND i.session_key <= $3 AND ($4::text IS NULL OR i.worker_id = $4)
    ) SELECT json_build_object('count', (SELECT count(*) FROM found),
      'instances', (SELECT json_agg(to_json(p) ORDER BY p.session_key, p.worker_id) FROM (
        SELECT * FROM found f WHERE (f.session_key, f.worker_id) > ($5, $6)
        ORDER BY f.session_key, f.worker_id LIMIT $7) p)) AS answer`,
} as const;

/** Of the tasks looked at, those that fit: $5 agent, $6 session, $7 states, $8 metadata, $9 most bytes. */
function listed(): string {
  return `, found AS MATERIALIZED (
      SELECT l.id, l.id AS "order" FROM looked l JOIN agentlane.tasks t USING (id)
      WHERE ($5::text IS NULL OR l.agent_id = $5) AND ($6::text IS NULL OR l.session_id = $6)
        AND ($7::smallint[] IS NULL OR t.state = ANY ($7)) AND ($8::jsonb IS NULL OR l.metadata @> $8)
      ORDER BY l.id DESC LIMIT $4
    ), ${sized()} SELECT json_build_object('looked', (SELECT count(*) FROM looked), 'last', (SELECT min(id) FROM looked),
      'found', (SELECT count(*) FROM found),
      'tasks', (SELECT json_agg(to_json(v) ORDER BY v.id DESC)
        FROM sized z JOIN agentlane.shown_tasks v USING (id) WHERE z.bytes <= $9 OR z.bytes = z.own)) AS answer`;
}

/**
 * The tasks of "found" with the bytes of each and of all up to it, which takes no reading of large
 * values. The first one is where both are the same.
 */
function sized(): string {
  return `sized AS MATERIALIZED (
      SELECT o.id, o."order", o.own, sum(o.own) OVER (ORDER BY o."order" DESC) AS bytes FROM (
        SELECT f.id, f."order",
          octet_length(v.submitted) + coalesce(octet_length(v.outcome), 0) + pg_column_size(v.attempts) AS own
        FROM found f JOIN agentlane.shown_tasks v USING (id)
      ) o
    )`;
}

export type FunctionName = keyof typeof FUNCTIONS;
export type QueryName = keyof typeof QUERIES;

export interface Statements {
  readonly functions: Readonly<Record<FunctionName, Statement>>;
  readonly queries: Readonly<Record<QueryName, Statement>>;
}

export function statementsOf(schema: string): Statements {
  const functions = Object.entries(FUNCTIONS).map(([name, count]) => {
    const places = Array.from({ length: count }, (_, index) => `$${index + 1}`);
    return [name, `SELECT agentlane.${name}(${places.join(", ")}) AS answer`] as const;
  });
  return {
    functions: named(functions, schema) as Statements["functions"],
    queries: named(Object.entries(QUERIES), schema) as Statements["queries"],
  };
}

function named(texts: readonly (readonly [string, string])[], schema: string) {
  const statements = texts.map(([name, text]): [string, Statement] => {
    return [name, { name, text: inSchema(text, schema) }];
  });
  return Object.fromEntries(statements);
}

/** Schema names are checked (schemaName); quoting makes even a keyword one. */
export function inSchema(sql: string, schema: string): string {
  return sql.replaceAll("agentlane.", `"${schema}".`);
}
