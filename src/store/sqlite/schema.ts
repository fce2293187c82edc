/**
 * The tables. Records are Protobuf (gen/agentlane/store/v1); columns repeat what queries need.
 * Instants are milliseconds since the epoch. A task's id counts accepts; events, the submission and the
 * idempotency key go with their task.
 */

/** The n-th one brings a file from user_version n to n + 1. Released ones are never edited. */
export const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE tasks (
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  task_id TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  session_id TEXT NOT NULL,           -- empty = stateless: a lane of its own
  queue TEXT NOT NULL,
  state INTEGER NOT NULL,             -- TaskState
  ready INTEGER NOT NULL,             -- 1 = QUEUED and head of its lane
  published INTEGER NOT NULL,         -- 1 = the doorbell of this ready period is confirmed
  rung_at INTEGER NOT NULL,
  lane_position INTEGER,              -- NULL once terminal, and for stateless tasks
  attempt INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  claim_id TEXT NOT NULL,
  lease_ends_at INTEGER,              -- NULL while no attempt runs
  attempt_started_at INTEGER NOT NULL,
  attempt_sequence INTEGER NOT NULL,  -- of the event that announced the newest attempt
  deadline_at INTEGER,
  retry_at INTEGER,                   -- in RETRY_WAIT
  due_at INTEGER,                     -- the earlier of both, while it waits
  cancel_mode INTEGER NOT NULL,       -- CancelMode
  cancel_reason TEXT NOT NULL,
  first_sequence INTEGER NOT NULL,    -- the first event still kept
  last_sequence INTEGER NOT NULL,
  ended_at INTEGER,                   -- NULL until terminal
  ended_order INTEGER,
  error_reason TEXT NOT NULL,
  log_kept INTEGER NOT NULL,          -- 1 = terminal, and its events are still there
  retired INTEGER NOT NULL,           -- 1 = past retention, kept for its idempotency key only
  finish_fence INTEGER,               -- what finish needs to recognize its repetition, …
  finish_after INTEGER,
  finish_state INTEGER,
  finish_expired INTEGER,
  finish_sequence INTEGER,
  finish_etag TEXT,                   -- … up to here
  task BLOB NOT NULL                  -- Task; last_sequence is the column's
) STRICT;
CREATE UNIQUE INDEX tasks_name ON tasks (tenant, task_id);
CREATE INDEX tasks_session ON tasks (tenant, agent_id, session_id) WHERE session_id <> '';
CREATE INDEX tasks_lane ON tasks (tenant, agent_id, session_id, lane_position)
  WHERE lane_position IS NOT NULL;
CREATE INDEX tasks_accepted ON tasks (tenant, id);
CREATE INDEX tasks_ready ON tasks (queue, task_id) WHERE ready = 1;
CREATE INDEX tasks_unpublished ON tasks (rung_at) WHERE ready = 1 AND published = 0;
CREATE INDEX tasks_lease ON tasks (lease_ends_at) WHERE lease_ends_at IS NOT NULL;
CREATE INDEX tasks_due ON tasks (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX tasks_log_kept ON tasks (ended_at) WHERE log_kept = 1;
CREATE INDEX tasks_ended ON tasks (ended_at)
  WHERE ended_at IS NOT NULL AND state <> 6 AND retired = 0;
CREATE INDEX tasks_failed ON tasks (ended_at) WHERE state = 6 AND retired = 0;
CREATE INDEX tasks_dead ON tasks (tenant, ended_order, agent_id, error_reason) WHERE state = 6;

CREATE TABLE submissions (
  task INTEGER PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
  doorbell BLOB NOT NULL,             -- QueueMessage, without what changes
  record BLOB NOT NULL                -- TaskRecord as submitted, without its task
) STRICT;

CREATE TABLE events (
  task INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
  last_sequence INTEGER NOT NULL,
  entries BLOB NOT NULL,              -- LogEntries: all that one operation wrote
  PRIMARY KEY (task, last_sequence)
) STRICT;

CREATE TABLE idempotency_keys (
  tenant TEXT NOT NULL,
  key TEXT NOT NULL,
  digest TEXT NOT NULL,
  task INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX idempotency_keys_task ON idempotency_keys (task);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

CREATE TABLE sessions (
  id INTEGER PRIMARY KEY,
  tenant TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  last_worker_id TEXT NOT NULL,
  version TEXT NOT NULL,              -- a uint64 in decimal; 0 without a context
  etag TEXT NOT NULL,                 -- empty without a context
  used_order INTEGER,                 -- NULL without a context
  used_at INTEGER,
  summary BLOB,                       -- SessionSummary
  context BLOB                        -- ExecutionContext
) STRICT;
CREATE UNIQUE INDEX sessions_name ON sessions (tenant, agent_id, session_id);
CREATE INDEX sessions_used ON sessions (tenant, used_order) WHERE used_order IS NOT NULL;
CREATE INDEX sessions_used_at ON sessions (used_at) WHERE used_at IS NOT NULL;

CREATE TABLE queues (
  name TEXT PRIMARY KEY,
  ready_count INTEGER NOT NULL,
  queued_count INTEGER NOT NULL,
  running_count INTEGER NOT NULL,
  retry_wait_count INTEGER NOT NULL,
  dead_letter_count INTEGER NOT NULL,
  completed_count INTEGER NOT NULL,
  failed_count INTEGER NOT NULL,
  attempt_count INTEGER NOT NULL,
  attempt_total_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers that are never given away twice: accepts, ends, places in lanes, commits. Taken in blocks.
CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  taken_to INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, taken_to) VALUES ('order', 0);
`,
  `
CREATE TABLE api_keys (
  key_id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  expires_at INTEGER,                 -- NULL = never
  revoked_at INTEGER,
  used_at INTEGER,
  record BLOB NOT NULL                -- ApiKeyRecord as it was made
) STRICT, WITHOUT ROWID;
`,
  `
ALTER TABLE tasks ADD COLUMN quota_bytes INTEGER;   -- of its request; NULL = accepted without a quota
ALTER TABLE tasks ADD COLUMN held_level INTEGER;    -- its priority while its tenant's window holds it
ALTER TABLE tasks ADD COLUMN held_since INTEGER;
CREATE INDEX tasks_held ON tasks (tenant, queue, held_level, held_since, id) WHERE held_level IS NOT NULL;
-- Of its context, as counted for the tenant.
ALTER TABLE sessions ADD COLUMN counted_bytes INTEGER NOT NULL DEFAULT 0;

-- Tenants that had a task with a quota.
CREATE TABLE tenants (
  tenant TEXT PRIMARY KEY,
  window INTEGER NOT NULL,
  max_running INTEGER,                -- NULL = any
  queued_count INTEGER NOT NULL,
  running_count INTEGER NOT NULL,
  stored_bytes INTEGER NOT NULL,
  token_day INTEGER NOT NULL,         -- days of UTC since 1970 …
  token_count INTEGER NOT NULL        -- … and what was used on that day
) STRICT, WITHOUT ROWID;

-- A tenant's ready tasks of a queue.
CREATE TABLE tenant_lines (
  tenant TEXT NOT NULL,
  queue TEXT NOT NULL,
  rung_count INTEGER NOT NULL,
  held_count INTEGER NOT NULL,
  is_risens_turn INTEGER NOT NULL,
  PRIMARY KEY (tenant, queue)
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_lines_held ON tenant_lines (tenant, queue) WHERE held_count > 0;
`,
  `
-- Tenants of which nothing new is accepted.
CREATE TABLE closed_tenants (
  tenant TEXT PRIMARY KEY,
  until_at INTEGER                    -- NULL = it is being deleted
) STRICT, WITHOUT ROWID;
`,
];
