-- Several operations of one kind in one statement and one commit (group-commit.ts): each is what its
-- function does alone, in the order in which they are given, and has an answer of its own.
--
-- An operation of a batch waits for nobody's locks. One that would have to is answered {outcome: LATER}, has
-- had no effect, and is called alone. So no two batches wait for each other, whatever they hold, and what
-- somebody else holds for long keeps only those waiting that need it.

-- Counts a change of state (0 = none) and what goes with it. In a batch it is collected, see count_together.
CREATE OR REPLACE FUNCTION agentlane.tally(
  p_queue text, p_was integer, p_state integer, p_ready integer, p_dead integer,
  p_attempts integer DEFAULT 0, p_attempt_ms bigint DEFAULT 0
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  moved boolean := p_was <> p_state;
  v_change text := json_build_array(p_queue,
    (moved AND p_state = 1)::int - (moved AND p_was = 1)::int,
    (moved AND p_state = 2)::int - (moved AND p_was = 2)::int,
    (moved AND p_state = 3)::int - (moved AND p_was = 3)::int,
    p_ready, p_dead, (moved AND p_state IN (4, 5, 7))::int, (moved AND p_state = 6)::int,
    p_attempts, p_attempt_ms);
  v_collected text := current_setting('agentlane_counts.collected', true);
BEGIN
  -- Empty outside of a batch; '[' is one without any yet.
  IF v_collected <> '' THEN
    IF v_collected <> '[' THEN v_collected := v_collected || ','; END IF;
    v_collected := set_config('agentlane_counts.collected', v_collected || v_change, true);
  ELSE
    PERFORM agentlane.count_all('[' || v_change || ']');
  END IF;
END $$;

-- Adds changes, as tally lists them, to the figures of their queues; by name, so that nobody waits in a
-- circle.
CREATE FUNCTION agentlane.count_all(p_changes text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  INSERT INTO agentlane.counts AS c (queue, shard, queued, running, retry_wait, ready, dead, completed,
    failed, attempts, attempt_ms)
  SELECT e ->> 0, pg_backend_pid() % 64, sum((e ->> 1)::bigint), sum((e ->> 2)::bigint),
    sum((e ->> 3)::bigint), sum((e ->> 4)::bigint), sum((e ->> 5)::bigint), sum((e ->> 6)::bigint),
    sum((e ->> 7)::bigint), sum((e ->> 8)::bigint), sum((e ->> 9)::bigint)
  FROM jsonb_array_elements(p_changes::jsonb) AS changes (e) GROUP BY e ->> 0 ORDER BY e ->> 0
  ON CONFLICT (queue, shard) DO UPDATE SET
    queued = c.queued + excluded.queued, running = c.running + excluded.running,
    retry_wait = c.retry_wait + excluded.retry_wait, ready = c.ready + excluded.ready,
    dead = c.dead + excluded.dead, completed = c.completed + excluded.completed,
    failed = c.failed + excluded.failed, attempts = c.attempts + excluded.attempts,
    attempt_ms = c.attempt_ms + excluded.attempt_ms;
END $$;

-- What is counted from now on in this transaction is collected, until count_together: a row that each
-- operation of a batch changed would grow by a version each.
CREATE FUNCTION agentlane.count_later() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_set text := set_config('agentlane_counts.collected', '[', true);
BEGIN
END $$;

CREATE FUNCTION agentlane.count_together() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_collected text := current_setting('agentlane_counts.collected', true);
  v_set text := set_config('agentlane_counts.collected', '', true);
BEGIN
  IF v_collected <> '[' THEN PERFORM agentlane.count_all(v_collected || ']'); END IF;
END $$;

-- What clients see of a task whose row the caller has: the columns of shown_tasks.
CREATE FUNCTION agentlane.shown_of(t agentlane.tasks) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (
    SELECT json_build_object('state', t.state, 'attempt', t.attempt, 'consumed_attempts', t.consumed_attempts,
      'redrive_count', t.redrive_count, 'last_sequence', t.last_sequence, 'started_at', t.started_at,
      'finished_at', t.finished_at, 'deadline_at', t.deadline_at, 'next_attempt_at', t.next_attempt_at,
      'cancel_requested_at', t.cancel_requested_at, 'attempts', t.attempts, 'outcome', t.outcome,
      'created_at', s.created_at, 'submitted', s.submitted)
    FROM agentlane.submissions s WHERE s.id = t.id
  );
END $$;

-- The same with what workers need beside it: the columns of task_records.
CREATE FUNCTION agentlane.record_of(t agentlane.tasks) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (
    SELECT json_build_object('state', t.state, 'attempt', t.attempt, 'consumed_attempts', t.consumed_attempts,
      'redrive_count', t.redrive_count, 'last_sequence', t.last_sequence, 'started_at', t.started_at,
      'finished_at', t.finished_at, 'deadline_at', t.deadline_at, 'next_attempt_at', t.next_attempt_at,
      'cancel_requested_at', t.cancel_requested_at, 'attempts', t.attempts, 'outcome', t.outcome,
      'created_at', s.created_at, 'submitted', s.submitted, 'fence', t.fence,
      'lease_expires_at', t.lease_expires_at, 'cancel_mode', t.cancel_mode,
      'cancel_reason', t.cancel_reason, 'record', s.record, 'trace_headers', s.trace_headers)
    FROM agentlane.submissions s WHERE s.id = t.id
  );
END $$;

-- Locks a task and its lane where nobody else has them; state 0 otherwise. All columns are null when
-- there is none.
CREATE FUNCTION agentlane.locked_at_once(p_tenant text, p_task_id text) RETURNS agentlane.tasks
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_id bigint;
  v_lane bigint;
  t agentlane.tasks;
BEGIN
  SELECT s.id, s.lane INTO v_id, v_lane FROM agentlane.submissions s
    WHERE s.tenant = p_tenant AND s.task_id = p_task_id;
  IF v_id IS NULL THEN RETURN t; END IF;
  IF v_lane IS NOT NULL THEN
    PERFORM FROM agentlane.lanes l WHERE l.id = v_lane FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
      t.state := 0;
      RETURN t;
    END IF;
  END IF;
  SELECT * INTO t FROM agentlane.tasks WHERE id = v_id FOR UPDATE SKIP LOCKED;
  IF t.id IS NULL THEN t.state := 0; END IF;
  RETURN t;
END $$;

CREATE FUNCTION agentlane.later() RETURNS json LANGUAGE sql IMMUTABLE AS
  $$ SELECT '{"outcome": "LATER"}'::json $$;
