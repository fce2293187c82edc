-- What the store keeps. "agentlane." stands for the schema of POSTGRES_SCHEMA.
--
-- Instants are milliseconds since 1970 of the server's clock (agentlane.now_ms); read one by
-- to_timestamp(created_at / 1000.0). States: 1 QUEUED, 2 RUNNING, 3 RETRY_WAIT, 4 COMPLETED,
-- 5 INPUT_REQUIRED, 6 FAILED, 7 CANCELED. Texts hold "%25" for "%" and "%00" for NUL (names.ts).
-- Bytes are messages of proto/agentlane. No foreign keys: every write goes through a function of
-- these migrations, and the locks that foreign keys take would break the order below.
--
-- Order of locks, so that no two functions wait for each other: idempotency key (advisory) → lanes by
-- id → the queue's limit (advisory) → tasks by id → counts. Append and renew lock running tasks only.

-- Orders what has no other order: accepts, places in lanes, ends, uses.
CREATE SEQUENCE agentlane.orders;

-- A session as far as its tasks line up in it. Locked first by whatever changes one of them.
CREATE TABLE agentlane.lanes (
  id bigint PRIMARY KEY DEFAULT nextval('agentlane.orders'),
  tenant text COLLATE "C" NOT NULL,
  agent_id text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  last_worker_id text NOT NULL DEFAULT '',
  UNIQUE (tenant, agent_id, session_id)
) WITH (fillfactor = 80);

-- What a session's turns have committed.
CREATE TABLE agentlane.contexts (
  lane bigint PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  agent_id text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  -- ExecutionContext without its instants, which are "seconds nanos" beside it.
  context bytea NOT NULL,
  version numeric(20) NOT NULL,
  message_count integer NOT NULL,
  created_at text NOT NULL,
  updated_at text NOT NULL,
  etag text NOT NULL,
  used_order bigint NOT NULL,
  used_at bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX contexts_by_use ON agentlane.contexts (tenant, used_order);
CREATE INDEX contexts_by_age ON agentlane.contexts (used_at);

-- What never changes of a task; apart, so that its changes do not write this again.
CREATE TABLE agentlane.submissions (
  -- Its accept order.
  id bigint PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  task_id text COLLATE "C" NOT NULL,
  -- Null for a stateless task.
  lane bigint,
  agent_id text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  priority smallint NOT NULL,
  created_at bigint NOT NULL,
  -- Null without any.
  metadata jsonb,
  -- Task, as submitted.
  submitted bytea NOT NULL,
  -- TaskRecord without its task and trace headers.
  record bytea NOT NULL,
  -- JSON; empty without any.
  trace_headers text NOT NULL,
  UNIQUE (tenant, task_id)
);
-- Of an expression, so that only lists can take it: a plan made while the table is empty could take it
-- for a task's name as well, and would keep to it.
CREATE INDEX submissions_by_order ON agentlane.submissions ((tenant || ''), id);
CREATE INDEX submissions_by_lane ON agentlane.submissions (lane, id) WHERE lane IS NOT NULL;

-- What changes of a task.
CREATE TABLE agentlane.tasks (
  id bigint PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  task_id text COLLATE "C" NOT NULL,
  agent_id text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  lane bigint,
  state smallint NOT NULL,
  -- Its place in its lane; null once it has ended.
  lane_order bigint,
  -- QUEUED and the head of its lane.
  ready boolean NOT NULL,
  attempt integer NOT NULL,
  consumed_attempts integer NOT NULL,
  redrive_count integer NOT NULL,
  first_sequence integer NOT NULL,
  last_sequence integer NOT NULL,
  -- Of the newest attempt: its fence, its claim, when it began, the sequence that announced it.
  fence bigint NOT NULL,
  claim_id text NOT NULL,
  attempt_started_at bigint,
  attempt_sequence integer NOT NULL,
  lease_expires_at bigint,
  started_at bigint,
  finished_at bigint,
  deadline_at bigint,
  next_attempt_at bigint,
  -- The next of retry and deadline, while it waits.
  due_at bigint,
  cancel_requested_at bigint,
  -- As CancelMode; 0 = no cancel requested.
  cancel_mode smallint NOT NULL,
  cancel_reason text NOT NULL,
  -- TaskStateChange of the requested cancel.
  cancel_change bytea,
  failure_reason text COLLATE "C" NOT NULL,
  -- TaskStateChange with the result or error.
  outcome bytea,
  -- The newest 32, as records.ts reads them.
  attempts jsonb NOT NULL,
  -- What a repeat of the last finish looks like, and answers.
  last_finish jsonb,
  -- Null = not ended. 1 ended, 2 ended and its log dropped, 3 and 4 the same of a dead letter, 5 kept
  -- for its idempotency key only.
  retention smallint,
  ended_order bigint
) WITH (
  -- Room for the next version beside the last one: appends and renewals then touch no index but one.
  fillfactor = 70,
  -- A task leaves some five dead rows behind; indexes of what is due are only as fast as those are few.
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_cost_delay = 1
);
CREATE INDEX tasks_by_lane ON agentlane.tasks (lane, lane_order) WHERE lane_order IS NOT NULL AND lane IS NOT NULL;
CREATE INDEX tasks_ready ON agentlane.tasks (queue, task_id) WHERE ready;
CREATE INDEX tasks_by_lease ON agentlane.tasks (lease_expires_at) WHERE lease_expires_at IS NOT NULL;
CREATE INDEX tasks_due ON agentlane.tasks (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX tasks_by_retention ON agentlane.tasks (retention, finished_at) WHERE retention IS NOT NULL;
CREATE INDEX tasks_dead ON agentlane.tasks (tenant, ended_order) INCLUDE (agent_id, failure_reason) WHERE state = 6;

-- Ready tasks whose doorbell no queue has confirmed.
CREATE TABLE agentlane.doorbells (
  task bigint PRIMARY KEY,
  rung_at bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);
CREATE INDEX doorbells_by_age ON agentlane.doorbells (rung_at);

CREATE TABLE agentlane.keys (
  tenant text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  digest text NOT NULL,
  task bigint NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (tenant, key)
);
CREATE INDEX keys_by_age ON agentlane.keys (expires_at);
CREATE INDEX keys_by_task ON agentlane.keys (task);

-- The log. Written once, deleted by task: pages fill up, and nothing is moved.
CREATE TABLE agentlane.events (
  task bigint NOT NULL,
  sequence integer NOT NULL,
  attempt integer NOT NULL,
  -- 0 an event (body: TaskEvent), 1 a state change (body: TaskStateChange with what the columns do not
  -- say), 2 a new attempt (body: its worker, UTF-8).
  kind smallint NOT NULL,
  previous smallint NOT NULL,
  state smallint NOT NULL,
  created_at bigint NOT NULL,
  next_attempt_at bigint,
  body bytea NOT NULL,
  PRIMARY KEY (task, sequence)
) WITH (
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_insert_scale_factor = 0.2,
  autovacuum_vacuum_cost_delay = 1
);

-- Figures of a queue: the sum over its shards. A connection writes one shard, so that two tasks that
-- end at the same time do not wait for each other.
CREATE TABLE agentlane.counts (
  queue text COLLATE "C" NOT NULL,
  shard smallint NOT NULL,
  queued bigint NOT NULL DEFAULT 0,
  running bigint NOT NULL DEFAULT 0,
  retry_wait bigint NOT NULL DEFAULT 0,
  ready bigint NOT NULL DEFAULT 0,
  dead bigint NOT NULL DEFAULT 0,
  completed bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  attempts bigint NOT NULL DEFAULT 0,
  attempt_ms bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (queue, shard)
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 1000);

-- Who is alive and what they hold. Unlogged: a crash empties them, and workers report everything anew.
CREATE UNLOGGED TABLE agentlane.workers (
  worker_id text COLLATE "C" PRIMARY KEY,
  worker bytea NOT NULL,
  reported_at bigint NOT NULL,
  expires_at bigint NOT NULL
) WITH (fillfactor = 50);
CREATE UNLOGGED TABLE agentlane.instances (
  tenant text COLLATE "C" NOT NULL,
  session_key text COLLATE "C" NOT NULL,
  worker_id text COLLATE "C" NOT NULL,
  instance bytea NOT NULL,
  PRIMARY KEY (tenant, session_key, worker_id)
);
CREATE INDEX instances_by_worker ON agentlane.instances (worker_id);
