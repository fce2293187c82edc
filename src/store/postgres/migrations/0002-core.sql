-- What all functions share: the time, what is shown of a task, its log, what callers are told.
--
-- Functions answer JSON; bytes in it are "\x…" in hexadecimal. Effects are a list of
--   {"entries": {tenant, task_id, entries}}   for watchers
--   {"cancel": {tenant, task_id, mode, reason}}   for the worker that runs the task
--   {"bell": {tenant, task_id, queue, priority, worker_id, headers}}   for the queue

-- All but the first are PL/pgSQL, which keeps its plans as long as the connection lives; SQL functions
-- are planned with every call.

-- The server's time, never the client's.
CREATE FUNCTION agentlane.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS
  $$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- What clients see of a task.
CREATE VIEW agentlane.shown_tasks AS
  SELECT t.id, t.tenant, t.task_id, t.lane, t.state, t.attempt, t.consumed_attempts, t.redrive_count,
    t.first_sequence, t.last_sequence, t.started_at, t.finished_at, t.deadline_at, t.next_attempt_at,
    t.cancel_requested_at, t.attempts, t.outcome, s.created_at, s.submitted
  FROM agentlane.tasks t JOIN agentlane.submissions s USING (id);

-- The same with what workers need beside it.
CREATE VIEW agentlane.task_records AS
  SELECT v.*, t.fence, t.lease_expires_at, t.cancel_mode, t.cancel_reason, s.record, s.trace_headers,
    NOT EXISTS (SELECT FROM agentlane.doorbells d WHERE d.task = t.id) AS published
  FROM agentlane.shown_tasks v
  JOIN agentlane.tasks t USING (id)
  JOIN agentlane.submissions s USING (id);

CREATE FUNCTION agentlane.shown(p_id bigint) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (SELECT to_json(v) FROM agentlane.shown_tasks v WHERE v.id = p_id);
END $$;

-- The number of a task; null when there is none.
CREATE FUNCTION agentlane.id_of(p_tenant text, p_task_id text) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (SELECT s.id FROM agentlane.submissions s WHERE s.tenant = p_tenant AND s.task_id = p_task_id);
END $$;

-- Locks a task, its lane first. All columns are null when there is none.
CREATE FUNCTION agentlane.locked(p_tenant text, p_task_id text) RETURNS agentlane.tasks
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_id bigint;
  v_lane bigint;
  t agentlane.tasks;
BEGIN
  SELECT s.id, s.lane INTO v_id, v_lane FROM agentlane.submissions s
    WHERE s.tenant = p_tenant AND s.task_id = p_task_id;
  IF v_lane IS NOT NULL THEN
    PERFORM FROM agentlane.lanes l WHERE l.id = v_lane FOR UPDATE;
  END IF;
  SELECT * INTO t FROM agentlane.tasks WHERE id = v_id FOR UPDATE;
  RETURN t;
END $$;

-- Entries (p_after, p_last] of a task's log, for its watchers; empty when there are none.
CREATE FUNCTION agentlane.told(t agentlane.tasks, p_after integer, p_last integer) RETURNS json[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  entries json;
BEGIN
  IF p_last <= p_after THEN RETURN '{}'; END IF;
  SELECT json_agg(to_json(e) ORDER BY e.sequence) INTO entries FROM agentlane.events e
    WHERE e.task = t.id AND e.sequence > p_after AND e.sequence <= p_last;
  IF entries IS NULL THEN RETURN '{}'; END IF;
  RETURN ARRAY[json_build_object('entries',
    json_build_object('tenant', t.tenant, 'task_id', t.task_id, 'entries', entries))];
END $$;

-- Writes a state change as entry p_sequence of a task's log.
CREATE FUNCTION agentlane.write_change(
  t agentlane.tasks, p_sequence integer, p_previous integer, p_state integer, p_body bytea, p_at bigint
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  INSERT INTO agentlane.events (task, sequence, attempt, kind, previous, state, created_at, next_attempt_at, body)
  VALUES (t.id, p_sequence, t.attempt, 1, p_previous, p_state, p_at,
    CASE WHEN p_state = 3 THEN t.next_attempt_at END, p_body);
END $$;

-- The doorbell of a task.
CREATE FUNCTION agentlane.bell(p_id bigint) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (
    SELECT json_build_object('bell', json_build_object('tenant', s.tenant, 'task_id', s.task_id,
      'queue', s.queue, 'priority', s.priority, 'worker_id', coalesce(l.last_worker_id, ''),
      'headers', s.trace_headers))
    FROM agentlane.submissions s LEFT JOIN agentlane.lanes l ON l.id = s.lane WHERE s.id = p_id
  );
END $$;

-- Rings for a ready task; until the queue confirms, the task stays in doorbells.
CREATE FUNCTION agentlane.ring(p_id bigint, p_at bigint) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  INSERT INTO agentlane.doorbells (task, rung_at) VALUES (p_id, p_at)
    ON CONFLICT (task) DO UPDATE SET rung_at = excluded.rung_at;
  RETURN agentlane.bell(p_id);
END $$;

-- Milliseconds until the next retry or deadline; null = none.
CREATE FUNCTION agentlane.next_due(p_at bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (SELECT greatest(0, min(due_at) - p_at) FROM agentlane.tasks WHERE due_at IS NOT NULL);
END $$;
