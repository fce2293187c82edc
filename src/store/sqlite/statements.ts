/** Every statement of the store, by name, so that a test can ask SQLite how it runs each. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type {
  ApiKeyRow,
  DeadLetterRow,
  EventsRow,
  FiguresRow,
  KeyRow,
  LaneRow,
  ReadyRow,
  SessionMetaRow,
  SessionNameRow,
  SessionRow,
  SubmissionRow,
  SummaryRow,
  TaskRow,
} from "./rows.ts";
import { TENANT_SQL, tenantStatements } from "./tenant-statements.ts";

/** Prepares the statement of a name. */
export interface Preparing<Name extends string> {
  change(name: Name): (...values: SQLInputValue[]) => number;
  query<Row>(name: Name): Query<Row>;
}

/** Columns of tasks that change, in the order in which `saveTask` takes them. */
export const TASK_COLUMNS = [
  "state",
  "ready",
  "published",
  "rung_at",
  "lane_position",
  "attempt",
  "fence",
  "claim_id",
  "lease_ends_at",
  "attempt_started_at",
  "attempt_sequence",
  "deadline_at",
  "retry_at",
  "due_at",
  "cancel_mode",
  "cancel_reason",
  "first_sequence",
  "last_sequence",
  "ended_at",
  "ended_order",
  "error_reason",
  "log_kept",
  "retired",
  "finish_fence",
  "finish_after",
  "finish_state",
  "finish_expired",
  "finish_sequence",
  "finish_etag",
  "quota_bytes",
  "held_level",
  "held_since",
  "task",
] as const;

const IDENTITY = ["id", "tenant", "task_id", "agent_id", "session_id", "queue"];
const COUNTS = [
  "ready_count",
  "queued_count",
  "running_count",
  "retry_wait_count",
  "dead_letter_count",
  "completed_count",
  "failed_count",
  "attempt_count",
  "attempt_total_ms",
];

const all = [...IDENTITY, ...TASK_COLUMNS];
const places = (columns: readonly string[]): string => columns.map(() => "?").join(", ");
const ofSession = "tenant = ? AND agent_id = ? AND session_id = ?";

export const SQL = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollback: "ROLLBACK",
  savepoint: "SAVEPOINT operation",
  release: "RELEASE operation",
  undo: "ROLLBACK TO operation",

  insertTask: `INSERT INTO tasks (${all.join(", ")}) VALUES (${places(all)})`,
  saveTask: `UPDATE tasks SET ${TASK_COLUMNS.map((name) => `${name} = ?`).join(", ")} WHERE id = ?`,
  findTask: "SELECT * FROM tasks WHERE tenant = ? AND task_id = ?",
  taskById: "SELECT * FROM tasks WHERE id = ?",
  deleteTask: "DELETE FROM tasks WHERE id = ?",
  extendLease: "UPDATE tasks SET lease_ends_at = ? WHERE id = ?",
  setLastSequence: "UPDATE tasks SET last_sequence = ? WHERE id = ?",
  markPublished:
    "UPDATE tasks SET published = 1 WHERE tenant = ? AND task_id = ? AND ready = 1 AND published = 0",
  becomeReady: "UPDATE tasks SET ready = 1, published = 0, rung_at = ? WHERE id = ?",

  laneHead: `SELECT * FROM tasks WHERE ${ofSession} AND lane_position IS NOT NULL ORDER BY lane_position LIMIT 1`,
  lane: `SELECT id, task_id, queue, state, quota_bytes FROM tasks WHERE ${ofSession} AND lane_position IS NOT NULL ORDER BY lane_position`,
  laneTail: `SELECT * FROM tasks WHERE ${ofSession} AND lane_position IS NOT NULL AND +id < ?
    ORDER BY lane_position DESC LIMIT ?`,
  expired: "SELECT * FROM tasks WHERE lease_ends_at <= ? ORDER BY lease_ends_at LIMIT ?",
  ready: `SELECT tasks.tenant, agent_id, session_id, doorbell FROM tasks JOIN submissions ON submissions.task = tasks.id
    WHERE ready = 1 AND queue = ? AND task_id > ? ORDER BY task_id LIMIT ?`,
  firstDue: "SELECT * FROM tasks WHERE due_at <= ? ORDER BY due_at LIMIT 1",
  nextDue: "SELECT due_at FROM tasks WHERE due_at > -1 ORDER BY due_at LIMIT 1",
  unpublished: `SELECT * FROM tasks WHERE ready = 1 AND published = 0 AND rung_at <= ?
    ORDER BY rung_at LIMIT ?`,
  keptLogs: "SELECT * FROM tasks WHERE log_kept = 1 AND ended_at <= ? ORDER BY ended_at LIMIT ?",
  ended: `SELECT * FROM tasks
    WHERE ended_at <= ? AND ended_at IS NOT NULL AND state <> 6 AND retired = 0
    ORDER BY ended_at LIMIT ?`,
  failed:
    "SELECT * FROM tasks WHERE state = 6 AND retired = 0 AND ended_at <= ? ORDER BY ended_at LIMIT ?",

  accepted: "SELECT * FROM tasks WHERE tenant = ? AND id < ? ORDER BY id DESC LIMIT ?",
  ofSession: `SELECT * FROM tasks WHERE ${ofSession} AND session_id <> '' AND id < ?
    ORDER BY id DESC LIMIT ?`,
  hasTasks: `SELECT 1 AS found FROM tasks WHERE ${ofSession} AND session_id <> '' LIMIT 1`,
  // ?3 agent and ?4 reason, empty = any.
  deadLetters: `SELECT ended_order, id FROM tasks WHERE state = 6 AND tenant = ?1 AND ended_order < ?2
    AND (?3 = '' OR agent_id = ?3) AND (?4 = '' OR error_reason = ?4) ORDER BY ended_order DESC LIMIT ?5`,
  deadLetterCount: `SELECT count(*) AS found FROM tasks WHERE state = 6 AND tenant = ?1
    AND (?2 = '' OR agent_id = ?2) AND (?3 = '' OR error_reason = ?3)`,

  insertSubmission: "INSERT INTO submissions (task, doorbell, record) VALUES (?, ?, ?)",
  submission: "SELECT doorbell, record FROM submissions WHERE task = ?",
  doorbell: "SELECT doorbell FROM submissions WHERE task = ?",

  insertEvents: "INSERT INTO events (task, last_sequence, entries) VALUES (?, ?, ?)",
  events:
    "SELECT last_sequence, entries FROM events WHERE task = ? AND last_sequence > ? ORDER BY last_sequence",
  deleteEvents:
    "DELETE FROM events WHERE rowid IN (SELECT rowid FROM events WHERE task = ? LIMIT ?)",

  findKey: "SELECT * FROM idempotency_keys WHERE tenant = ? AND key = ?",
  keyOfTask: "SELECT * FROM idempotency_keys WHERE task = ?",
  insertKey:
    "INSERT INTO idempotency_keys (tenant, key, digest, task, expires_at) VALUES (?, ?, ?, ?, ?)",
  deleteKey: "DELETE FROM idempotency_keys WHERE tenant = ? AND key = ?",
  expiredKeys: "SELECT * FROM idempotency_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",

  findSession: `SELECT * FROM sessions WHERE ${ofSession}`,
  sessionMeta: `SELECT id, last_worker_id, version, etag, counted_bytes FROM sessions WHERE ${ofSession}`,
  insertSession: `INSERT INTO sessions (tenant, agent_id, session_id, last_worker_id, version, etag)
    VALUES (?, ?, ?, '', '0', '')`,
  summary: "SELECT summary FROM sessions WHERE id = ?",
  setLastWorker: "UPDATE sessions SET last_worker_id = ? WHERE id = ?",
  keepContext: `UPDATE sessions SET version = ?, etag = ?, used_order = ?, used_at = ?, summary = ?,
    context = ?, counted_bytes = ? WHERE id = ?`,
  dropContext: `UPDATE sessions SET version = '0', etag = '', used_order = NULL, used_at = NULL,
    summary = NULL, context = NULL, counted_bytes = 0 WHERE id = ?`,
  deleteSession: "DELETE FROM sessions WHERE id = ?",
  sessions: `SELECT used_order, agent_id, summary FROM sessions
    WHERE tenant = ? AND used_order < ? ORDER BY used_order DESC LIMIT ?`,
  unusedSessions: `SELECT id, tenant, agent_id, session_id FROM sessions
    WHERE used_at <= ? ORDER BY used_at LIMIT ?`,
  touchSession: "UPDATE sessions SET used_at = ? WHERE id = ?",

  ...TENANT_SQL,

  figures: "SELECT * FROM queues WHERE name = ?",
  queues: "SELECT name FROM queues ORDER BY name",
  addFigures: `INSERT INTO queues (name, ${COUNTS.join(", ")}) VALUES (?, ${places(COUNTS)})
    ON CONFLICT (name) DO UPDATE SET ${COUNTS.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")}`,

  findApiKey: "SELECT record, revoked_at, used_at FROM api_keys WHERE key_id = ?",
  apiKeyCount: "SELECT count(*) AS found FROM api_keys",
  insertApiKey: "INSERT INTO api_keys (key_id, tenant, expires_at, record) VALUES (?, ?, ?, ?)",
  dropApiKeys: "DELETE FROM api_keys WHERE tenant = ? RETURNING key_id",
  forgetApiKeys: "DELETE FROM api_keys WHERE revoked_at < ?1 OR expires_at < ?1",
  // ?1 tenant, NULL = any.
  apiKeys: `SELECT key_id, record, revoked_at, used_at FROM api_keys
    WHERE (?1 IS NULL OR tenant = ?1) AND key_id > ?2 ORDER BY key_id LIMIT ?3`,
  revokeApiKey: "UPDATE api_keys SET revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL",
  useApiKey: "UPDATE api_keys SET used_at = ?1 WHERE key_id = ?2 AND coalesce(used_at, 0) < ?1",

  ringAgain: "UPDATE tasks SET published = 0, rung_at = 0 WHERE ready = 1",
  endLeases: "UPDATE tasks SET lease_ends_at = 0 WHERE lease_ends_at > 0",
  takeOrders: "UPDATE counters SET taken_to = taken_to + ? WHERE name = 'order' RETURNING taken_to",
  check: "SELECT 1 AS found FROM counters WHERE name = 'order'",
} as const;

type SqlName = keyof typeof SQL;

/** One that answers rows. */
export interface Query<Row> {
  get(...values: SQLInputValue[]): Row | undefined;
  all(...values: SQLInputValue[]): Row[];
  iterate(...values: SQLInputValue[]): Iterable<Row>;
}

export type Statements = ReturnType<typeof prepareStatements>;

export function prepareStatements(db: DatabaseSync) {
  const { change, query } = preparing(db);
  return {
    ...tenantStatements({ change, query }),
    begin: change("begin"),
    commit: change("commit"),
    rollback: change("rollback"),
    savepoint: change("savepoint"),
    release: change("release"),
    undo: change("undo"),
    insertTask: change("insertTask"),
    saveTask: change("saveTask"),
    findTask: query<TaskRow>("findTask"),
    taskById: query<TaskRow>("taskById"),
    deleteTask: change("deleteTask"),
    extendLease: change("extendLease"),
    setLastSequence: change("setLastSequence"),
    markPublished: change("markPublished"),
    becomeReady: change("becomeReady"),
    laneHead: query<TaskRow>("laneHead"),
    lane: query<LaneRow>("lane"),
    laneTail: query<TaskRow>("laneTail"),
    expired: query<TaskRow>("expired"),
    ready: query<ReadyRow>("ready"),
    firstDue: query<TaskRow>("firstDue"),
    nextDue: query<{ due_at: number }>("nextDue"),
    unpublished: query<TaskRow>("unpublished"),
    keptLogs: query<TaskRow>("keptLogs"),
    ended: query<TaskRow>("ended"),
    failed: query<TaskRow>("failed"),
    accepted: query<TaskRow>("accepted"),
    ofSession: query<TaskRow>("ofSession"),
    hasTasks: query<{ found: number }>("hasTasks"),
    deadLetters: query<DeadLetterRow>("deadLetters"),
    deadLetterCount: query<{ found: number }>("deadLetterCount"),
    insertSubmission: change("insertSubmission"),
    submission: query<SubmissionRow>("submission"),
    doorbell: query<Pick<SubmissionRow, "doorbell">>("doorbell"),
    insertEvents: change("insertEvents"),
    events: query<EventsRow>("events"),
    deleteEvents: change("deleteEvents"),
    findKey: query<KeyRow>("findKey"),
    keyOfTask: query<KeyRow>("keyOfTask"),
    insertKey: change("insertKey"),
    deleteKey: change("deleteKey"),
    expiredKeys: query<KeyRow>("expiredKeys"),
    findSession: query<SessionRow>("findSession"),
    sessionMeta: query<SessionMetaRow>("sessionMeta"),
    insertSession: change("insertSession"),
    summary: query<{ summary: Uint8Array | null }>("summary"),
    setLastWorker: change("setLastWorker"),
    keepContext: change("keepContext"),
    dropContext: change("dropContext"),
    deleteSession: change("deleteSession"),
    sessions: query<SummaryRow>("sessions"),
    unusedSessions: query<SessionNameRow>("unusedSessions"),
    touchSession: change("touchSession"),
    figures: query<FiguresRow>("figures"),
    queues: query<{ name: string }>("queues"),
    addFigures: change("addFigures"),
    ...apiKeyStatements(db),
    ringAgain: change("ringAgain"),
    endLeases: change("endLeases"),
    takeOrders: query<{ taken_to: number }>("takeOrders"),
    check: query<{ found: number }>("check"),
  };
}

function apiKeyStatements(db: DatabaseSync) {
  const { change, query } = preparing(db);
  return {
    findApiKey: query<ApiKeyRow>("findApiKey"),
    apiKeyCount: query<{ found: number }>("apiKeyCount"),
    insertApiKey: change("insertApiKey"),
    dropApiKeys: query<{ key_id: string }>("dropApiKeys"),
    forgetApiKeys: change("forgetApiKeys"),
    apiKeys: query<ApiKeyRow & { key_id: string }>("apiKeys"),
    revokeApiKey: change("revokeApiKey"),
    useApiKey: change("useApiKey"),
  };
}

function preparing(db: DatabaseSync): Preparing<SqlName> {
  return {
    change: (name) => {
      const statement = db.prepare(SQL[name]);
      return (...values) => Number(statement.run(...values).changes);
    },
    query: <Row>(name: SqlName): Query<Row> => {
      const statement = db.prepare(SQL[name]);
      return {
        get: (...values) => statement.get(...values) as Row | undefined,
        all: (...values) => statement.all(...values) as Row[],
        iterate: (...values) => statement.iterate(...values) as Iterable<Row>,
      };
    },
  };
}
