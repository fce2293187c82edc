-- What create_task does, waiting for others or, in a batch, not; see there.
CREATE FUNCTION agentlane.accept_task(
  p_waits boolean,
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
  v_hash integer;
  effects json[] := '{}';
BEGIN
  SELECT s.id INTO v_id FROM agentlane.submissions s WHERE s.tenant = p_tenant AND s.task_id = p_task_id;
  IF FOUND THEN RETURN json_build_object('outcome', 'EXISTS', 'task', agentlane.shown(v_id)); END IF;
  IF p_idempotency_key <> '' THEN
    v_hash := hashtext(p_tenant || '%00' || p_idempotency_key);
    IF p_waits THEN PERFORM pg_advisory_xact_lock('agentlane.keys'::regclass::oid::integer, v_hash);
    ELSIF NOT pg_try_advisory_xact_lock('agentlane.keys'::regclass::oid::integer, v_hash) THEN
      RETURN agentlane.later();
    END IF;
    SELECT * INTO known FROM agentlane.keys k WHERE k.tenant = p_tenant AND k.key = p_idempotency_key;
    IF known.expires_at > agentlane.now_ms() THEN
      IF known.digest = p_digest THEN
        RETURN json_build_object('outcome', 'EXISTS', 'task', agentlane.shown(known.task));
      END IF;
      RETURN json_build_object('outcome', 'CONFLICT',
        'task_id', (SELECT s.task_id FROM agentlane.submissions s WHERE s.id = known.task));
    END IF;
    -- A sweep may be about to delete the expired one.
    IF known.task IS NOT NULL AND NOT p_waits THEN RETURN agentlane.later(); END IF;
  END IF;

  LOOP
    v_lane := NULL;
    IF p_session_id <> '' THEN
      v_lane := agentlane.locked_lane(p_waits, p_tenant, p_agent_id, p_session_id);
      IF v_lane = 0 THEN RETURN agentlane.later(); END IF;
    END IF;
    IF v_lane IS NOT NULL AND p_strategy = 1 THEN
      SELECT count(*) INTO v_count FROM agentlane.tasks o WHERE o.lane = v_lane AND o.lane_order IS NOT NULL;
      IF v_count > 0 THEN RETURN json_build_object('outcome', 'BUSY', 'count', v_count); END IF;
    END IF;
    IF p_waits THEN
      v_count := agentlane.overfull(p_queue, p_max_queue_size, CASE WHEN p_strategy >= 2 THEN v_lane END);
      IF v_count IS NOT NULL THEN RETURN json_build_object('outcome', 'FULL', 'count', v_count); END IF;
    END IF;
    EXIT WHEN p_session_id = '' OR v_lane IS NOT NULL;
    IF p_waits THEN
      PERFORM pg_advisory_xact_lock('agentlane.lanes'::regclass::oid::integer,
        hashtext(p_tenant || '%00' || p_agent_id || '#' || p_session_id));
    END IF;
    INSERT INTO agentlane.lanes (tenant, agent_id, session_id) VALUES (p_tenant, p_agent_id, p_session_id)
      ON CONFLICT DO NOTHING RETURNING id INTO v_lane;
    -- Otherwise another submit was first: what it did has to be looked at.
    EXIT WHEN FOUND;
    IF NOT p_waits THEN RETURN agentlane.later(); END IF;
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

-- The lane of a session, locked; null when there is none. 0 where others hold it, or are about to make it,
-- and nobody is to wait for them.
CREATE FUNCTION agentlane.locked_lane(p_waits boolean, p_tenant text, p_agent_id text, p_session_id text)
RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_lane bigint;
BEGIN
  IF p_waits THEN
    SELECT l.id INTO v_lane FROM agentlane.lanes l
      WHERE l.tenant = p_tenant AND l.agent_id = p_agent_id AND l.session_id = p_session_id FOR UPDATE;
    RETURN v_lane;
  END IF;
  SELECT l.id INTO v_lane FROM agentlane.lanes l
    WHERE l.tenant = p_tenant AND l.agent_id = p_agent_id AND l.session_id = p_session_id FOR UPDATE SKIP LOCKED;
  IF FOUND THEN RETURN v_lane; END IF;
  IF NOT pg_try_advisory_xact_lock('agentlane.lanes'::regclass::oid::integer,
      hashtext(p_tenant || '%00' || p_agent_id || '#' || p_session_id)) THEN RETURN 0; END IF;
  PERFORM FROM agentlane.lanes l
    WHERE l.tenant = p_tenant AND l.agent_id = p_agent_id AND l.session_id = p_session_id;
  RETURN CASE WHEN FOUND THEN 0 END;
END $$;

CREATE OR REPLACE FUNCTION agentlane.create_task(
  p_tenant text, p_task_id text, p_idempotency_key text, p_digest text, p_strategy integer, p_queue text,
  p_max_queue_size bigint, p_deadline_in bigint, p_idempotency_ms bigint, p_agent_id text,
  p_session_id text, p_priority integer, p_metadata jsonb, p_submitted bytea, p_record bytea,
  p_headers text, p_change bytea, p_reason text
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN agentlane.accept_task(true, p_tenant, p_task_id, p_idempotency_key, p_digest, p_strategy, p_queue,
    p_max_queue_size, p_deadline_in, p_idempotency_ms, p_agent_id, p_session_id, p_priority, p_metadata,
    p_submitted, p_record, p_headers, p_change, p_reason);
END $$;

-- Accepts several tasks; arguments as create_task, at the same index. Near a queue's limit they are
-- accepted alone, where they wait for each other; so are those that cancel others (p_strategies >= 2).
CREATE FUNCTION agentlane.create_tasks(
  p_tenants text[], p_task_ids text[], p_idempotency_keys text[], p_digests text[],
  p_strategies integer[], p_queues text[], p_max_queue_sizes bigint[], p_deadlines_in bigint[],
  p_idempotency_ms bigint[], p_agent_ids text[], p_session_ids text[], p_priorities integer[],
  p_metadata jsonb[], p_submitted bytea[], p_records bytea[], p_headers text[], p_changes bytea[],
  p_reasons text[]
) RETURNS SETOF json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  -- More than all batches of all processes that can be under way at once.
  margin constant bigint := 1000;
  v_count bigint;
  v_queue text := '';
BEGIN
  PERFORM agentlane.count_later();
  FOR i IN 1 .. cardinality(p_task_ids) LOOP
    IF p_queues[i] <> v_queue THEN
      v_queue := p_queues[i];
      SELECT coalesce(sum(c.queued + c.running + c.retry_wait), 0) INTO v_count
        FROM agentlane.counts c WHERE c.queue = v_queue;
    END IF;
    IF p_strategies[i] >= 2 OR v_count + margin >= p_max_queue_sizes[i] THEN
      RETURN NEXT agentlane.later();
    ELSE
      RETURN NEXT agentlane.accept_task(false, p_tenants[i], p_task_ids[i], p_idempotency_keys[i],
        p_digests[i], p_strategies[i], p_queues[i], p_max_queue_sizes[i], p_deadlines_in[i],
        p_idempotency_ms[i], p_agent_ids[i], p_session_ids[i], p_priorities[i], p_metadata[i],
        p_submitted[i], p_records[i], p_headers[i], p_changes[i], p_reasons[i]);
    END IF;
  END LOOP;
  PERFORM agentlane.count_together();
END $$;
