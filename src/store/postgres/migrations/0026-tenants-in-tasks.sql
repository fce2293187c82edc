-- Tenants' windows and limits where tasks change: the functions of 0003, 0008, 0010, 0019 to 0021 and 0023 with
-- them. A process of the release before still calls those that it knows without p_quota and p_tokens.

-- Locks a task's tenant where nobody else has it; true as well without a quota.
CREATE FUNCTION agentlane.holds_tenant(t agentlane.tasks) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF t.quota_level IS NULL THEN RETURN true; END IF;
  PERFORM FROM agentlane.tenants n WHERE n.tenant = t.tenant FOR UPDATE SKIP LOCKED;
  RETURN FOUND;
END $$;

-- Writes all columns that change.
CREATE OR REPLACE FUNCTION agentlane.keep(t agentlane.tasks) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
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
    last_finish = t.last_finish, retention = t.retention, ended_order = t.ended_order,
    held_since = t.held_since
  WHERE id = t.id;
END $$;

-- After t.state was set; p_was is the state before (0 = new). Keeps t. Answers the doorbells of what
-- became ready: t itself, or the next task of its lane.
CREATE OR REPLACE FUNCTION agentlane.settle(
  t agentlane.tasks, p_was integer, p_at bigint, p_attempts integer DEFAULT 0, p_attempt_ms bigint DEFAULT 0
) RETURNS json[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  bells json[] := '{}';
  ready_delta integer := 0;
  dead_delta integer := (t.state = 6)::int - (p_was = 6)::int;
  has_quota boolean := t.quota_level IS NOT NULL;
  head agentlane.tasks;
BEGIN
  IF has_quota THEN PERFORM agentlane.tally_tenant(t.tenant, p_was, t.state); END IF;
  t.due_at := CASE t.state WHEN 1 THEN t.deadline_at
    WHEN 3 THEN least(t.next_attempt_at, t.deadline_at) END;
  IF t.state <> 2 THEN t.lease_expires_at := NULL; END IF;
  IF t.ready AND t.state <> 1 THEN
    t.ready := false;
    ready_delta := -1;
    DELETE FROM agentlane.doorbells WHERE task = t.id;
    IF has_quota THEN PERFORM agentlane.tally_line(t.tenant, t.queue, -1, 0); END IF;
  END IF;
  IF t.held_since IS NOT NULL AND t.state <> 1 THEN
    t.held_since := NULL;
    PERFORM agentlane.tally_line(t.tenant, t.queue, 0, -1);
  END IF;
  IF t.state > 3 THEN
    t.lane_order := NULL;
    t.ended_order := nextval('agentlane.orders');
    t.retention := CASE WHEN t.state = 6 THEN 3 ELSE 1 END;
    IF t.lane IS NOT NULL THEN
      SELECT * INTO head FROM agentlane.tasks o
        WHERE o.lane = t.lane AND o.lane_order IS NOT NULL AND o.id <> t.id ORDER BY o.lane_order LIMIT 1;
      IF head.state = 1 AND NOT head.ready AND head.held_since IS NULL THEN
        IF head.queue <> t.queue OR head.quota_level IS NOT NULL THEN
          bells := bells || agentlane.become_ready(head, p_at);
        ELSE
          UPDATE agentlane.tasks SET ready = true WHERE id = head.id;
          bells := bells || agentlane.ring(head.id, p_at);
          ready_delta := ready_delta + 1;
        END IF;
      END IF;
    END IF;
    PERFORM agentlane.keep(t);
  ELSE
    t.ended_order := NULL;
    t.retention := NULL;
    IF t.lane_order IS NULL THEN t.lane_order := nextval('agentlane.orders'); END IF;
    IF t.state = 1 AND NOT t.ready AND t.held_since IS NULL AND NOT EXISTS (SELECT FROM agentlane.tasks o
        WHERE o.lane = t.lane AND o.lane_order IS NOT NULL AND o.lane_order < t.lane_order) THEN
      IF has_quota THEN
        t.held_since := p_at;
        PERFORM agentlane.tally_line(t.tenant, t.queue, 0, 1);
      ELSE
        t.ready := true;
        ready_delta := ready_delta + 1;
      END IF;
    END IF;
    PERFORM agentlane.keep(t);
    IF ready_delta > 0 THEN bells := bells || agentlane.ring(t.id, p_at); END IF;
  END IF;
  IF has_quota THEN bells := bells || agentlane.let_ring(t.tenant, p_at); END IF;
  PERFORM agentlane.tally(t.queue, p_was, t.state, ready_delta, dead_delta, p_attempts, p_attempt_ms);
  RETURN bells;
END $$;

-- What claim_task does once the task is locked; see there.
CREATE OR REPLACE FUNCTION agentlane.claimed(
  t agentlane.tasks, p_worker_id text, p_lease_ms bigint, p_span_id text, p_change bytea, p_claim_id text
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  -- The newest attempts of a task that its record keeps.
  kept constant integer := 32;
  v_at bigint := agentlane.now_ms();
  v_published boolean;
  v_repeats boolean := coalesce(t.claim_id = p_claim_id, false);
  effects json[] := '{}';
BEGIN
  IF v_repeats AND t.state = 2 THEN
    effects := agentlane.told(t, t.attempt_sequence - 1, t.last_sequence);
  ELSIF v_repeats OR t.id IS NULL OR NOT t.ready THEN
    RETURN json_build_object('outcome', 'NONE', 'now', v_at, 'effects', effects);
  ELSIF t.deadline_at <= v_at THEN
    effects := agentlane.end_task(t, 6, p_change, 'DEADLINE_EXCEEDED', v_at);
    RETURN json_build_object('outcome', 'NONE', 'now', v_at, 'effects', effects);
  ELSIF agentlane.parked(t, v_at) THEN
    RETURN json_build_object('outcome', 'NONE', 'now', v_at, 'effects', effects);
  ELSE
    t.attempt := t.attempt + 1;
    t.fence := greatest(t.fence + 1, v_at * 1000);
    t.claim_id := p_claim_id;
    t.last_sequence := t.last_sequence + 1;
    t.attempt_sequence := t.last_sequence;
    t.attempt_started_at := v_at;
    t.started_at := coalesce(t.started_at, v_at);
    t.lease_expires_at := v_at + p_lease_ms;
    t.state := 2;
    IF jsonb_array_length(t.attempts) >= kept THEN t.attempts := t.attempts - 0; END IF;
    t.attempts := t.attempts || jsonb_build_object('attempt', t.attempt, 'started_at', v_at,
      'worker_id', p_worker_id, 'span_id', p_span_id);
    INSERT INTO agentlane.events (task, sequence, attempt, kind, previous, state, created_at, body)
      VALUES (t.id, t.last_sequence, t.attempt, 2, 1, 2, v_at, convert_to(p_worker_id, 'UTF8'));
    UPDATE agentlane.lanes SET last_worker_id = p_worker_id
      WHERE id = t.lane AND last_worker_id <> p_worker_id;
    v_published := NOT EXISTS (SELECT FROM agentlane.doorbells d WHERE d.task = t.id);
    effects := agentlane.settle(t, 1, v_at);
  END IF;
  RETURN json_build_object('outcome', CASE WHEN v_repeats THEN 'AGAIN' ELSE 'OK' END, 'now', v_at,
    'record', agentlane.record_of(t), 'published', coalesce(v_published, true),
    'etag', coalesce((SELECT c.etag FROM agentlane.contexts c WHERE c.lane = t.lane), ''), 'effects', effects);
END $$;

-- Claims several tasks; arguments as claim_task, at the same index.
CREATE OR REPLACE FUNCTION agentlane.claim_tasks(
  p_tenants text[], p_task_ids text[], p_worker_ids text[], p_lease_ms bigint[], p_span_ids text[],
  p_changes bytea[], p_claim_ids text[]
) RETURNS SETOF json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  t agentlane.tasks;
BEGIN
  PERFORM agentlane.count_later();
  FOR i IN 1 .. cardinality(p_task_ids) LOOP
    t := agentlane.locked_at_once(p_tenants[i], p_task_ids[i]);
    -- A sweep holds the doorbells that it rings again until it has done all else.
    IF t.state = 0 OR (t.ready AND NOT agentlane.holds_doorbell(t.id)) OR NOT agentlane.holds_tenant(t) THEN
      RETURN NEXT agentlane.later();
    ELSE
      RETURN NEXT agentlane.claimed(t, p_worker_ids[i], p_lease_ms[i], p_span_ids[i], p_changes[i],
        p_claim_ids[i]);
    END IF;
  END LOOP;
  PERFORM agentlane.count_together();
END $$;

DROP FUNCTION agentlane.accept_task(boolean, text, text, text, text, integer, text, bigint, bigint, bigint, text, text,
  integer, jsonb, bytea, bytea, text, bytea, text);
DROP FUNCTION agentlane.create_task(text, text, text, text, integer, text, bigint, bigint, bigint, text, text,
  integer, jsonb, bytea, bytea, text, bytea, text);
DROP FUNCTION agentlane.create_tasks(text[], text[], text[], text[], integer[], text[], bigint[], bigint[], bigint[], text[],
  text[], integer[], jsonb[], bytea[], bytea[], text[], bytea[], text[]);

-- What create_task does, waiting for others or, in a batch, not; see there.
CREATE FUNCTION agentlane.accept_task(
  p_waits boolean,
  p_tenant text, p_task_id text, p_idempotency_key text, p_digest text, p_strategy integer, p_queue text,
  p_max_queue_size bigint, p_deadline_in bigint, p_idempotency_ms bigint, p_agent_id text,
  p_session_id text, p_priority integer, p_metadata jsonb, p_submitted bytea, p_record bytea,
  p_headers text, p_change bytea, p_reason text, p_quota json
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
  v_over text;
  v_ready boolean;
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
    IF p_quota IS NOT NULL THEN
      IF NOT p_waits THEN
        PERFORM FROM agentlane.tenants n WHERE n.tenant = p_tenant FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN RETURN agentlane.later(); END IF;
      END IF;
      v_over := agentlane.over_quota(p_tenant, p_quota, p_session_id, v_lane, p_strategy >= 2);
      IF v_over IS NOT NULL THEN
        RETURN json_build_object('outcome', 'QUOTA', 'limit', v_over, 'now', agentlane.now_ms());
      END IF;
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
  VALUES (v_id, p_tenant, p_task_id, v_lane, p_agent_id, p_session_id, p_queue,
    -- Doorbells are told this one: between tenants weight decides, not priority.
    CASE WHEN p_quota IS NULL THEN p_priority ELSE 2 END, v_at, p_metadata, p_submitted, p_record, p_headers);
  v_ready := NOT EXISTS (SELECT FROM agentlane.tasks o WHERE o.lane = v_lane AND o.lane_order IS NOT NULL);
  INSERT INTO agentlane.tasks (id, tenant, task_id, agent_id, queue, lane, state, lane_order, ready, attempt,
    consumed_attempts, redrive_count, first_sequence, last_sequence, fence, claim_id, attempt_sequence,
    deadline_at, due_at, cancel_mode, cancel_reason, failure_reason, attempts,
    quota_level, quota_bytes, held_since)
  VALUES (v_id, p_tenant, p_task_id, p_agent_id, p_queue, v_lane, 1, v_id,
    v_ready AND p_quota IS NULL, 0,
    0, 0, 1, 1, 0, '', 0, v_at + p_deadline_in, v_at + p_deadline_in, 0, '', '', '[]',
    CASE WHEN p_quota IS NULL THEN NULL WHEN p_priority BETWEEN 1 AND 4 THEN p_priority ELSE 2 END,
    (p_quota ->> 'bytes')::bigint, CASE WHEN p_quota IS NOT NULL AND v_ready THEN v_at END)
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
  IF p_quota IS NOT NULL THEN
    UPDATE agentlane.tenants n SET queued = n.queued + 1, stored_bytes = n.stored_bytes + t.quota_bytes
      WHERE n.tenant = p_tenant;
    IF v_ready THEN
      PERFORM agentlane.tally_line(p_tenant, p_queue, 0, 1);
      effects := effects || agentlane.let_ring(p_tenant, v_at);
    END IF;
  END IF;
  IF t.ready THEN effects := effects || agentlane.ring(v_id, v_at); END IF;
  PERFORM agentlane.tally(p_queue, 0, 1, t.ready::int, 0);
  RETURN json_build_object('outcome', 'OK', 'now', v_at, 'effects', effects,
    'due', CASE WHEN t.due_at IS NOT NULL THEN agentlane.next_due(v_at) END);
END $$;

-- p_quota as over_quota takes it; null = none. {outcome: QUOTA, limit, now} when it is exceeded.
CREATE FUNCTION agentlane.create_task(
  p_tenant text, p_task_id text, p_idempotency_key text, p_digest text, p_strategy integer, p_queue text,
  p_max_queue_size bigint, p_deadline_in bigint, p_idempotency_ms bigint, p_agent_id text,
  p_session_id text, p_priority integer, p_metadata jsonb, p_submitted bytea, p_record bytea,
  p_headers text, p_change bytea, p_reason text, p_quota json DEFAULT NULL
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN agentlane.accept_task(true, p_tenant, p_task_id, p_idempotency_key, p_digest, p_strategy, p_queue,
    p_max_queue_size, p_deadline_in, p_idempotency_ms, p_agent_id, p_session_id, p_priority, p_metadata,
    p_submitted, p_record, p_headers, p_change, p_reason, p_quota);
END $$;

-- Accepts several tasks; arguments as create_task, at the same index. Near a queue's limit they are
-- accepted alone, where they wait for each other; so are those that cancel others (p_strategies >= 2).
CREATE FUNCTION agentlane.create_tasks(
  p_tenants text[], p_task_ids text[], p_idempotency_keys text[], p_digests text[],
  p_strategies integer[], p_queues text[], p_max_queue_sizes bigint[], p_deadlines_in bigint[],
  p_idempotency_ms bigint[], p_agent_ids text[], p_session_ids text[], p_priorities integer[],
  p_metadata jsonb[], p_submitted bytea[], p_records bytea[], p_headers text[], p_changes bytea[],
  p_reasons text[], p_quotas json[] DEFAULT '{}'
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
        p_submitted[i], p_records[i], p_headers[i], p_changes[i], p_reasons[i], p_quotas[i]);
    END IF;
  END LOOP;
  PERFORM agentlane.count_together();
END $$;

-- Keeps a session's context; answers its etag. The etag names the instant too: after a loss of data the
-- sequence begins anew. p_created_at and p_updated_at are "seconds nanos". It counts for the
-- tenant, if that is known to have limits, as large as it is now.
CREATE OR REPLACE FUNCTION agentlane.keep_context(
  p_lane bigint, p_context bytea, p_version numeric, p_message_count integer, p_created_at text,
  p_updated_at text, p_at bigint
) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  used bigint := nextval('agentlane.orders');
  v_counted bigint := (SELECT c.counted_bytes FROM agentlane.contexts c WHERE c.lane = p_lane);
BEGIN
  UPDATE agentlane.tenants n SET stored_bytes = n.stored_bytes + octet_length(p_context) - coalesce(v_counted, 0)
    WHERE n.tenant = (SELECT l.tenant FROM agentlane.lanes l WHERE l.id = p_lane);
  v_counted := CASE WHEN FOUND THEN octet_length(p_context) ELSE 0 END;
  INSERT INTO agentlane.contexts (lane, tenant, agent_id, session_id, context, version, message_count,
    created_at, updated_at, etag, used_order, used_at, counted_bytes)
  SELECT l.id, l.tenant, l.agent_id, l.session_id, p_context, p_version, p_message_count,
    p_created_at, p_updated_at, used || '-' || p_at, used, p_at, v_counted
  FROM agentlane.lanes l WHERE l.id = p_lane
  ON CONFLICT (lane) DO UPDATE SET context = excluded.context, version = excluded.version,
    message_count = excluded.message_count, created_at = excluded.created_at,
    updated_at = excluded.updated_at, etag = excluded.etag, used_order = excluded.used_order,
    used_at = excluded.used_at, counted_bytes = excluded.counted_bytes;
  RETURN used || '-' || p_at;
END $$;

DROP FUNCTION agentlane.finished(agentlane.tasks, bigint, integer, integer, boolean, bigint, integer, bytea, bytea,
  text, text, text, bytea, numeric, integer, bytea[]);
DROP FUNCTION agentlane.finish_task(text, text, bigint, integer, integer, boolean, bigint, integer, bytea, bytea,
  text, text, text, bytea, numeric, integer, bytea[]);
DROP FUNCTION agentlane.finish_tasks(text[], text[], bigint[], integer[], integer[], boolean[], bigint[], integer[], bytea[],
  bytea[], text[], text[], text[], bytea[], numeric[], integer[], bytea[], integer[]);

-- What finish_task does once the task is locked; see there.
CREATE FUNCTION agentlane.finished(
  t agentlane.tasks, p_fence bigint, p_after integer, p_state integer, p_if_expired boolean,
  p_delay_ms bigint, p_outcome integer, p_change bytea, p_error bytea, p_reason text,
  p_agent_id text, p_session_id text, p_context bytea, p_version numeric, p_message_count integer,
  p_events bytea[], p_tokens bigint
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_at bigint := agentlane.now_ms();
  v_from integer;
  v_known integer;
  v_state integer := p_state;
  v_change bytea := p_change;
  v_etag text := '';
  v_stored agentlane.contexts;
  v_repeat jsonb := jsonb_build_object('fence', p_fence, 'after', p_after, 'state', p_state,
    'if_expired', p_if_expired);
  head agentlane.tasks;
  effects json[] := '{}';
BEGIN
  IF t.fence = p_fence AND (t.last_finish -> 'fence')::bigint = p_fence THEN
    IF NOT t.last_finish @> v_repeat THEN RETURN json_build_object('outcome', 'LOST'); END IF;
    v_from := (t.last_finish -> 'sequence')::integer;
    effects := agentlane.told(t, CASE WHEN p_if_expired THEN v_from - 1 ELSE p_after END, v_from);
    SELECT * INTO head FROM agentlane.tasks o
      WHERE (o.lane = t.lane AND o.lane_order IS NOT NULL) OR (t.lane IS NULL AND o.id = t.id)
      ORDER BY o.lane_order LIMIT 1;
    IF head.ready THEN effects := effects || agentlane.bell(head.id); END IF;
    RETURN json_build_object('outcome', 'OK', 'now', v_at, 'task', agentlane.shown(t.id),
      'etag', t.last_finish ->> 'etag', 'known', -1, 'effects', effects);
  END IF;
  IF t.id IS NULL OR t.state <> 2 OR t.fence <> p_fence OR (p_if_expired AND t.lease_expires_at > v_at) THEN
    RETURN json_build_object('outcome', 'LOST');
  END IF;

  IF t.lane IS NOT NULL THEN
    SELECT * INTO v_stored FROM agentlane.contexts c WHERE c.lane = t.lane;
    v_etag := coalesce(v_stored.etag, '');
  END IF;
  -- A rollback may have overtaken the finish of an attempt that was to keep its output.
  IF p_state = 7 AND t.cancel_mode = 1 THEN p_context := NULL; END IF;
  IF p_context IS NOT NULL THEN
    IF t.lane IS NULL THEN RETURN json_build_object('outcome', 'STATELESS'); END IF;
    PERFORM FROM agentlane.lanes l
      WHERE l.id = t.lane AND l.agent_id = p_agent_id AND l.session_id = p_session_id;
    IF NOT FOUND THEN RETURN json_build_object('outcome', 'FOREIGN'); END IF;
    IF coalesce(v_stored.version, 0) + 1 <> p_version THEN
      RETURN json_build_object('outcome', 'VERSION', 'version', coalesce(v_stored.version, 0)::text);
    END IF;
  END IF;

  -- Whoever ends a dead attempt does not know where its log ends.
  v_from := CASE WHEN p_if_expired THEN t.last_sequence ELSE p_after END;
  v_known := t.last_sequence - v_from;
  IF v_known < 0 OR v_known > cardinality(p_events) OR (v_known > 0 AND v_from < t.attempt_sequence) THEN
    RETURN json_build_object('outcome', 'GAP', 'last', t.last_sequence);
  END IF;
  effects := agentlane.told(t, v_from, t.last_sequence);

  IF p_context IS NOT NULL THEN
    v_etag := agentlane.keep_context(t.lane, p_context, p_version, p_message_count,
      coalesce(v_stored.created_at, agentlane.written(v_at)), agentlane.written(v_at), v_at);
  END IF;
  -- A task whose cancel was requested never runs again, whatever its attempt asks for.
  IF p_state IN (1, 3) AND t.cancel_mode <> 0 THEN
    v_state := 7;
    v_change := t.cancel_change;
    p_reason := 'CANCELED';
  END IF;
  t.next_attempt_at := CASE WHEN v_state = 3 THEN v_at + p_delay_ms END;
  IF v_known < cardinality(p_events) THEN
    PERFORM agentlane.write_events(t, v_from, v_known, p_events, v_at);
  END IF;
  t.last_sequence := v_from + cardinality(p_events) + 1;
  PERFORM agentlane.write_change(t, t.last_sequence, 2, v_state, v_change, v_at);
  IF v_state <> p_state THEN
    effects := effects || agentlane.told(t, t.last_sequence - 1, t.last_sequence);
  END IF;

  PERFORM agentlane.count_tokens(t, p_tokens, v_at);
  t.attempts := agentlane.ended_attempts(t, p_outcome, p_error, v_at);
  -- Only a drain hands back without consuming the attempt.
  IF p_state <> 1 THEN t.consumed_attempts := t.consumed_attempts + 1; END IF;
  IF v_state > 3 THEN t.finished_at := v_at; END IF;
  t.state := v_state;
  t.failure_reason := p_reason;
  t.outcome := CASE WHEN v_state <> 1 THEN v_change END;
  t.last_finish := v_repeat || jsonb_build_object('etag', v_etag, 'sequence', t.last_sequence);
  effects := effects || agentlane.settle(t, 2, v_at, 1, greatest(0, v_at - t.attempt_started_at));
  RETURN json_build_object('outcome', 'OK', 'now', v_at, 'task', agentlane.shown_of(t), 'etag', v_etag,
    'known', v_known, 'effects', effects,
    'due', CASE WHEN v_state = 3 THEN agentlane.next_due(v_at) END);
END $$;

CREATE FUNCTION agentlane.finish_task(
  p_tenant text, p_task_id text, p_fence bigint, p_after integer, p_state integer, p_if_expired boolean,
  p_delay_ms bigint, p_outcome integer, p_change bytea, p_error bytea, p_reason text,
  p_agent_id text, p_session_id text, p_context bytea, p_version numeric, p_message_count integer,
  p_events bytea[], p_tokens bigint DEFAULT 0
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN agentlane.finished(agentlane.locked(p_tenant, p_task_id), p_fence, p_after, p_state, p_if_expired,
    p_delay_ms, p_outcome, p_change, p_error, p_reason, p_agent_id, p_session_id, p_context, p_version,
    p_message_count, p_events, p_tokens);
END $$;

-- Ends several attempts; arguments as finish_task, at the same index, but for the events: all of them one
-- after the other in p_events, and how many are whose in p_event_counts.
CREATE FUNCTION agentlane.finish_tasks(
  p_tenants text[], p_task_ids text[], p_fences bigint[], p_after integer[], p_states integer[],
  p_if_expired boolean[], p_delay_ms bigint[], p_outcomes integer[], p_changes bytea[], p_errors bytea[],
  p_reasons text[], p_agent_ids text[], p_session_ids text[], p_contexts bytea[], p_versions numeric[],
  p_message_counts integer[], p_events bytea[], p_event_counts integer[],
  p_tokens bigint[] DEFAULT '{}'
) RETURNS SETOF json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  t agentlane.tasks;
  v_first integer := 1;
BEGIN
  PERFORM agentlane.count_later();
  FOR i IN 1 .. cardinality(p_task_ids) LOOP
    t := agentlane.locked_at_once(p_tenants[i], p_task_ids[i]);
    IF t.state = 0 OR NOT agentlane.holds_tenant(t) THEN
      RETURN NEXT agentlane.later();
    ELSE
      RETURN NEXT agentlane.finished(t, p_fences[i], p_after[i], p_states[i], p_if_expired[i], p_delay_ms[i],
        p_outcomes[i], p_changes[i], p_errors[i], p_reasons[i], p_agent_ids[i], p_session_ids[i],
        p_contexts[i], p_versions[i], p_message_counts[i],
        p_events[v_first : v_first + p_event_counts[i] - 1], coalesce(p_tokens[i], 0));
    END IF;
    v_first := v_first + p_event_counts[i];
  END LOOP;
  PERFORM agentlane.count_together();
END $$;

-- Ends the unfinished tasks of a lane that were accepted before p_before, and deletes them. All at once,
-- so that no task is rung for only to be canceled. Answers {count, effects}.
CREATE OR REPLACE FUNCTION agentlane.clear_lane(
  p_lane bigint, p_before bigint, p_change bytea, p_reason text, p_at bigint
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  ids bigint[];
  effects json[];
  cancels json[];
  head agentlane.tasks;
  v_tenant text;
BEGIN
  PERFORM FROM agentlane.tasks o WHERE o.lane = p_lane AND o.lane_order IS NOT NULL AND o.id < p_before
    ORDER BY o.id FOR UPDATE;
  SELECT array_agg(o.id),
    array_agg(json_build_object('entries', json_build_object('tenant', o.tenant, 'task_id', o.task_id,
      'agent_id', o.agent_id, 'headers', (SELECT s.trace_headers FROM agentlane.submissions s WHERE s.id = o.id),
      'entries', json_build_array(to_json(ROW(o.id, o.last_sequence + 1, o.attempt, 1, o.state, 7, p_at,
        NULL, p_change)::agentlane.events)))) ORDER BY o.lane_order),
    array_agg(json_build_object('cancel', json_build_object('tenant', o.tenant, 'task_id', o.task_id,
      'mode', 1, 'reason', p_reason))) FILTER (WHERE o.state = 2)
    INTO ids, effects, cancels
    FROM agentlane.tasks o WHERE o.lane = p_lane AND o.lane_order IS NOT NULL AND o.id < p_before;
  IF ids IS NULL THEN RETURN json_build_object('count', 0, 'effects', '{}'::json[]); END IF;
  -- All of a lane are one tenant's.
  UPDATE agentlane.tenants n SET queued = n.queued - q.queued, running = n.running - q.running FROM (
    SELECT min(o.tenant) AS tenant, count(*) FILTER (WHERE o.state <> 2) AS queued,
      count(*) FILTER (WHERE o.state = 2) AS running
    FROM agentlane.tasks o WHERE o.id = ANY (ids) AND o.quota_level IS NOT NULL
  ) q WHERE n.tenant = q.tenant RETURNING n.tenant INTO v_tenant;
  PERFORM agentlane.tally_line(q.tenant, q.queue, -q.rung, -q.held) FROM (
    SELECT o.tenant, o.queue, count(*) FILTER (WHERE o.ready) AS rung,
      count(*) FILTER (WHERE o.held_since IS NOT NULL) AS held
    FROM agentlane.tasks o WHERE o.id = ANY (ids) AND o.quota_level IS NOT NULL GROUP BY o.tenant, o.queue
  ) q;
  INSERT INTO agentlane.counts AS c (queue, shard, queued, running, retry_wait, ready, completed, attempts,
    attempt_ms)
  SELECT o.queue, pg_backend_pid() % 64, -count(*) FILTER (WHERE o.state = 1),
    -count(*) FILTER (WHERE o.state = 2), -count(*) FILTER (WHERE o.state = 3),
    -count(*) FILTER (WHERE o.ready), count(*), count(*) FILTER (WHERE o.state = 2),
    coalesce(sum(greatest(0, p_at - o.attempt_started_at)) FILTER (WHERE o.state = 2), 0)
  FROM agentlane.tasks o WHERE o.id = ANY (ids) GROUP BY o.queue
  ON CONFLICT (queue, shard) DO UPDATE SET
    queued = c.queued + excluded.queued, running = c.running + excluded.running,
    retry_wait = c.retry_wait + excluded.retry_wait, ready = c.ready + excluded.ready,
    completed = c.completed + excluded.completed, attempts = c.attempts + excluded.attempts,
    attempt_ms = c.attempt_ms + excluded.attempt_ms;
  PERFORM agentlane.erase(ids);
  -- A task of the session that begins anew may have waited behind them.
  SELECT * INTO head FROM agentlane.tasks o
    WHERE o.lane = p_lane AND o.lane_order IS NOT NULL ORDER BY o.lane_order LIMIT 1;
  IF head.state = 1 AND NOT head.ready AND head.held_since IS NULL THEN
    cancels := cancels || agentlane.become_ready(head, p_at);
  END IF;
  IF v_tenant IS NOT NULL THEN cancels := cancels || agentlane.let_ring(v_tenant, p_at); END IF;
  RETURN json_build_object('count', cardinality(ids), 'effects', effects || cancels);
END $$;

-- Sweeps go one by one: nobody else takes more than one tenant's row.
ALTER FUNCTION agentlane.sweep_store(integer, bigint, bigint, bigint, bigint, bigint, bytea) RENAME TO sweep_all;
CREATE FUNCTION agentlane.sweep_store(
  p_limit integer, p_unpublished_ms bigint, p_log_ms bigint, p_task_ms bigint, p_dead_ms bigint,
  p_session_ms bigint, p_change bytea
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock('agentlane.tenants'::regclass::oid::integer, 0);
  RETURN agentlane.sweep_all(p_limit, p_unpublished_ms, p_log_ms, p_task_ms, p_dead_ms, p_session_ms, p_change);
END $$;
