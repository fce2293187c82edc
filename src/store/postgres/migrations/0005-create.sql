-- Accepts a task at the end of its lane.
--
-- p_idempotency_key '' = none · p_strategy 0 enqueue, 1 reject, 2 interrupt, 3 rollback · p_session_id
-- '' = stateless · p_deadline_in ms, null = none · p_submitted Task · p_record TaskRecord without task
-- and trace headers · p_change TaskStateChange and p_reason of the cancels that the strategy makes
-- Answers {outcome: EXISTS, task} · {CONFLICT, task_id} · {BUSY, count} · {FULL, count} ·
-- {OK, now, due, effects}; the caller knows the new task's own entry.
-- Invariant: a task id and an idempotency key are accepted once; a refusal changes nothing.
CREATE FUNCTION agentlane.create_task(
  p_tenant text, p_task_id text, p_idempotency_key text, p_digest text, p_strategy integer, p_queue text,
  p_max_queue_size bigint, p_deadline_in bigint, p_idempotency_ms bigint, p_agent_id text,
  p_session_id text, p_priority integer, p_metadata jsonb, p_submitted bytea, p_record bytea,
  p_headers text, p_change bytea, p_reason text
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  known agentlane.keys;
  ahead agentlane.tasks;
  t agentlane.tasks;
  v_id bigint;
  v_lane bigint;
  v_count bigint;
  v_at bigint;
  effects json[] := '{}';
BEGIN
  SELECT s.id INTO v_id FROM agentlane.submissions s WHERE s.tenant = p_tenant AND s.task_id = p_task_id;
  IF FOUND THEN RETURN json_build_object('outcome', 'EXISTS', 'task', agentlane.shown(v_id)); END IF;
  IF p_idempotency_key <> '' THEN
    PERFORM pg_advisory_xact_lock('agentlane.keys'::regclass::oid::integer, hashtext(p_tenant || '%00' || p_idempotency_key));
    SELECT * INTO known FROM agentlane.keys k WHERE k.tenant = p_tenant AND k.key = p_idempotency_key;
    IF known.expires_at > agentlane.now_ms() THEN
      IF known.digest = p_digest THEN
        RETURN json_build_object('outcome', 'EXISTS', 'task', agentlane.shown(known.task));
      END IF;
      RETURN json_build_object('outcome', 'CONFLICT',
        'task_id', (SELECT s.task_id FROM agentlane.submissions s WHERE s.id = known.task));
    END IF;
  END IF;

  LOOP
    v_lane := NULL;
    IF p_session_id <> '' THEN
      SELECT l.id INTO v_lane FROM agentlane.lanes l
        WHERE l.tenant = p_tenant AND l.agent_id = p_agent_id AND l.session_id = p_session_id FOR UPDATE;
    END IF;
    IF v_lane IS NOT NULL AND p_strategy = 1 THEN
      SELECT count(*) INTO v_count FROM agentlane.tasks o WHERE o.lane = v_lane AND o.lane_order IS NOT NULL;
      IF v_count > 0 THEN RETURN json_build_object('outcome', 'BUSY', 'count', v_count); END IF;
    END IF;
    v_count := agentlane.overfull(p_queue, p_max_queue_size, CASE WHEN p_strategy >= 2 THEN v_lane END);
    IF v_count IS NOT NULL THEN RETURN json_build_object('outcome', 'FULL', 'count', v_count); END IF;
    EXIT WHEN p_session_id = '' OR v_lane IS NOT NULL;
    INSERT INTO agentlane.lanes (tenant, agent_id, session_id) VALUES (p_tenant, p_agent_id, p_session_id)
      ON CONFLICT DO NOTHING RETURNING id INTO v_lane;
    -- Otherwise another submit was first: what it did has to be looked at.
    EXIT WHEN FOUND;
  END LOOP;

  v_at := agentlane.now_ms();
  IF v_lane IS NOT NULL AND p_strategy >= 2 THEN
    PERFORM FROM agentlane.tasks o WHERE o.lane = v_lane AND o.lane_order IS NOT NULL ORDER BY o.id FOR UPDATE;
    -- From the last to the first, so that no task is rung for only to be canceled.
    FOR ahead IN SELECT * FROM agentlane.tasks o
        WHERE o.lane = v_lane AND o.lane_order IS NOT NULL ORDER BY o.lane_order DESC LOOP
      -- A rollback means that nothing of the attempt may reach the session, whoever asked before.
      IF ahead.state = 2 AND p_strategy = 3 AND ahead.cancel_mode = 2 THEN ahead.cancel_mode := 1; END IF;
      effects := effects || agentlane.cancel_one(
        ahead, CASE p_strategy WHEN 2 THEN 2 ELSE 1 END, p_reason, p_change, v_at);
    END LOOP;
  END IF;

  v_id := nextval('agentlane.orders');
  INSERT INTO agentlane.submissions (id, tenant, task_id, lane, agent_id, session_id, queue, priority,
    created_at, metadata, submitted, record, trace_headers)
  VALUES (v_id, p_tenant, p_task_id, v_lane, p_agent_id, p_session_id, p_queue, p_priority,
    v_at, p_metadata, p_submitted, p_record, p_headers);
  INSERT INTO agentlane.tasks (id, tenant, task_id, agent_id, queue, lane, state, lane_order, ready, attempt,
    consumed_attempts, redrive_count, first_sequence, last_sequence, fence, claim_id, attempt_sequence,
    deadline_at, due_at, cancel_mode, cancel_reason, failure_reason, attempts)
  VALUES (v_id, p_tenant, p_task_id, p_agent_id, p_queue, v_lane, 1, v_id,
    NOT EXISTS (SELECT FROM agentlane.tasks o WHERE o.lane = v_lane AND o.lane_order IS NOT NULL), 0,
    0, 0, 1, 1, 0, '', 0, v_at + p_deadline_in, v_at + p_deadline_in, 0, '', '', '[]')
  RETURNING * INTO t;
  PERFORM agentlane.write_change(t, 1, 0, 1, '', v_at);
  IF p_idempotency_key <> '' THEN
    -- The task that was kept for the expired key alone goes with the next sweep.
    UPDATE agentlane.tasks SET retention = CASE state WHEN 6 THEN 4 ELSE 2 END WHERE retention = 5
      AND id = (SELECT o.id FROM agentlane.tasks o WHERE o.id = known.task FOR UPDATE SKIP LOCKED);
    INSERT INTO agentlane.keys (tenant, key, digest, task, expires_at)
    VALUES (p_tenant, p_idempotency_key, p_digest, v_id, v_at + p_idempotency_ms)
    ON CONFLICT (tenant, key) DO UPDATE
      SET digest = excluded.digest, task = excluded.task, expires_at = excluded.expires_at;
  END IF;
  IF t.ready THEN effects := effects || agentlane.ring(v_id, v_at); END IF;
  PERFORM agentlane.tally(p_queue, 0, 1, t.ready::int, 0);
  RETURN json_build_object('outcome', 'OK', 'now', v_at, 'effects', effects,
    'due', CASE WHEN t.due_at IS NOT NULL THEN agentlane.next_due(v_at) END);
END $$;

-- The count of a queue's unfinished tasks when it can take no more; null while it can. p_clears: a lane
-- whose waiting tasks are about to be canceled. Far below the limit the counts as they are committed
-- decide; close to it submits go one by one, so that the limit is never exceeded.
CREATE FUNCTION agentlane.overfull(p_queue text, p_max bigint, p_clears bigint)
RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  -- More than submits can be under way at once.
  margin constant bigint := 256;
  v_count bigint;
  v_freed bigint;
BEGIN
  SELECT coalesce(sum(c.queued + c.running + c.retry_wait), 0) INTO v_count
    FROM agentlane.counts c WHERE c.queue = p_queue;
  IF v_count + margin < p_max THEN RETURN NULL; END IF;
  PERFORM pg_advisory_xact_lock('agentlane.counts'::regclass::oid::integer, hashtext(p_queue));
  SELECT coalesce(sum(c.queued + c.running + c.retry_wait), 0) INTO v_count
    FROM agentlane.counts c WHERE c.queue = p_queue;
  IF v_count < p_max THEN RETURN NULL; END IF;
  SELECT count(*) INTO v_freed FROM agentlane.tasks o
    WHERE o.lane = p_clears AND o.lane_order IS NOT NULL AND o.queue = p_queue AND o.state <> 2;
  IF v_count - v_freed < p_max THEN RETURN NULL; END IF;
  RETURN v_count;
END $$;
