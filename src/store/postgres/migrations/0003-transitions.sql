-- The one way a task changes: its state is set, then settle brings lane, counts and indexed columns in
-- line with it, so that none of them can disagree. The caller holds the locks of agentlane.locked.

-- Counts a change of state (0 = none) and what goes with it.
CREATE FUNCTION agentlane.tally(
  p_queue text, p_was integer, p_state integer, p_ready integer, p_dead integer,
  p_attempts integer DEFAULT 0, p_attempt_ms bigint DEFAULT 0
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  moved boolean := p_was <> p_state;
BEGIN
  INSERT INTO agentlane.counts AS c (queue, shard, queued, running, retry_wait, ready, dead, completed,
    failed, attempts, attempt_ms)
  VALUES (p_queue, pg_backend_pid() % 64,
    (moved AND p_state = 1)::int - (moved AND p_was = 1)::int,
    (moved AND p_state = 2)::int - (moved AND p_was = 2)::int,
    (moved AND p_state = 3)::int - (moved AND p_was = 3)::int,
    p_ready, p_dead, (moved AND p_state IN (4, 5, 7))::int, (moved AND p_state = 6)::int,
    p_attempts, p_attempt_ms)
  ON CONFLICT (queue, shard) DO UPDATE SET
    queued = c.queued + excluded.queued, running = c.running + excluded.running,
    retry_wait = c.retry_wait + excluded.retry_wait, ready = c.ready + excluded.ready,
    dead = c.dead + excluded.dead, completed = c.completed + excluded.completed,
    failed = c.failed + excluded.failed, attempts = c.attempts + excluded.attempts,
    attempt_ms = c.attempt_ms + excluded.attempt_ms;
END $$;

-- Writes all columns that change.
CREATE FUNCTION agentlane.keep(t agentlane.tasks) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE agentlane.tasks SET
    state = t.state, lane_order = t.lane_order, ready = t.ready, attempt = t.attempt,
    consumed_attempts = t.consumed_attempts, redrive_count = t.redrive_count,
    first_sequence = t.first_sequence, last_sequence = t.last_sequence, fence = t.fence,
    claim_id = t.claim_id, attempt_started_at = t.attempt_started_at,
    attempt_sequence = t.attempt_sequence, lease_expires_at = t.lease_expires_at,
    started_at = t.started_at, finished_at = t.finished_at, deadline_at = t.deadline_at,
    next_attempt_at = t.next_attempt_at, due_at = t.due_at,
    cancel_requested_at = t.cancel_requested_at, cancel_mode = t.cancel_mode,
    cancel_reason = t.cancel_reason, cancel_change = t.cancel_change,
    failure_reason = t.failure_reason, outcome = t.outcome, attempts = t.attempts,
    last_finish = t.last_finish, retention = t.retention, ended_order = t.ended_order
  WHERE id = t.id;
END $$;

-- After t.state was set; p_was is the state before (0 = new). Keeps t. Answers the doorbells of what
-- became ready: t itself, or the next task of its lane.
CREATE FUNCTION agentlane.settle(
  t agentlane.tasks, p_was integer, p_at bigint, p_attempts integer DEFAULT 0, p_attempt_ms bigint DEFAULT 0
) RETURNS json[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  bells json[] := '{}';
  ready_delta integer := 0;
  dead_delta integer := (t.state = 6)::int - (p_was = 6)::int;
  head agentlane.tasks;
BEGIN
  t.due_at := CASE t.state WHEN 1 THEN t.deadline_at
    WHEN 3 THEN least(t.next_attempt_at, t.deadline_at) END;
  IF t.state <> 2 THEN t.lease_expires_at := NULL; END IF;
  IF t.ready AND t.state <> 1 THEN
    t.ready := false;
    ready_delta := -1;
    DELETE FROM agentlane.doorbells WHERE task = t.id;
  END IF;
  IF t.state > 3 THEN
    t.lane_order := NULL;
    t.ended_order := nextval('agentlane.orders');
    t.retention := CASE WHEN t.state = 6 THEN 3 ELSE 1 END;
    IF t.lane IS NOT NULL THEN
      SELECT * INTO head FROM agentlane.tasks o
        WHERE o.lane = t.lane AND o.lane_order IS NOT NULL AND o.id <> t.id ORDER BY o.lane_order LIMIT 1;
      IF head.state = 1 AND NOT head.ready THEN
        UPDATE agentlane.tasks SET ready = true WHERE id = head.id;
        bells := bells || agentlane.ring(head.id, p_at);
        IF head.queue = t.queue THEN ready_delta := ready_delta + 1;
        ELSE PERFORM agentlane.tally(head.queue, 0, 0, 1, 0);
        END IF;
      END IF;
    END IF;
    PERFORM agentlane.keep(t);
  ELSE
    t.ended_order := NULL;
    t.retention := NULL;
    IF t.lane_order IS NULL THEN t.lane_order := nextval('agentlane.orders'); END IF;
    IF t.state = 1 AND NOT t.ready AND NOT EXISTS (SELECT FROM agentlane.tasks o
        WHERE o.lane = t.lane AND o.lane_order IS NOT NULL AND o.lane_order < t.lane_order) THEN
      t.ready := true;
      ready_delta := ready_delta + 1;
    END IF;
    PERFORM agentlane.keep(t);
    IF ready_delta > 0 THEN bells := bells || agentlane.ring(t.id, p_at); END IF;
  END IF;
  PERFORM agentlane.tally(t.queue, p_was, t.state, ready_delta, dead_delta, p_attempts, p_attempt_ms);
  RETURN bells;
END $$;

-- Ends a task that no attempt is ending. Answers effects.
CREATE FUNCTION agentlane.end_task(
  t agentlane.tasks, p_state integer, p_change bytea, p_reason text, p_at bigint,
  p_attempts integer DEFAULT 0, p_attempt_ms bigint DEFAULT 0
) RETURNS json[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  was integer := t.state;
BEGIN
  t.last_sequence := t.last_sequence + 1;
  PERFORM agentlane.write_change(t, t.last_sequence, was, p_state, p_change, p_at);
  t.state := p_state;
  t.finished_at := p_at;
  t.next_attempt_at := NULL;
  t.failure_reason := p_reason;
  t.outcome := p_change;
  RETURN agentlane.told(t, t.last_sequence - 1, t.last_sequence)
    || agentlane.settle(t, was, p_at, p_attempts, p_attempt_ms);
END $$;

-- The attempts of a task whose newest one ends now; p_error is a TaskError or empty.
CREATE FUNCTION agentlane.ended_attempts(t agentlane.tasks, p_outcome integer, p_error bytea, p_at bigint)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN jsonb_set(t.attempts, '{-1}', (t.attempts -> -1)
    || jsonb_build_object('finished_at', p_at, 'outcome', p_outcome, 'error', '\x' || encode(p_error, 'hex')));
END $$;

-- Cancels one task. The first request decides mode and reason; a repeated one tells the worker again.
CREATE FUNCTION agentlane.cancel_one(
  t agentlane.tasks, p_mode integer, p_reason text, p_change bytea, p_at bigint
) RETURNS json[] LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF t.state > 3 THEN RETURN '{}'; END IF;
  IF t.cancel_mode = 0 THEN
    t.cancel_mode := CASE p_mode WHEN 2 THEN 2 ELSE 1 END;
    t.cancel_reason := p_reason;
    t.cancel_change := p_change;
  END IF;
  t.cancel_requested_at := coalesce(t.cancel_requested_at, p_at);
  IF t.state <> 2 THEN RETURN agentlane.end_task(t, 7, p_change, 'CANCELED', p_at); END IF;
  PERFORM agentlane.keep(t);
  RETURN ARRAY[json_build_object('cancel', json_build_object('tenant', t.tenant, 'task_id', t.task_id,
    'mode', t.cancel_mode, 'reason', t.cancel_reason))];
END $$;
