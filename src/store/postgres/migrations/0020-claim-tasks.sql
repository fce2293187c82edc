-- What claim_task does once the task is locked; see there.
CREATE FUNCTION agentlane.claimed(
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
    PERFORM agentlane.settle(t, 1, v_at);
  END IF;
  RETURN json_build_object('outcome', CASE WHEN v_repeats THEN 'AGAIN' ELSE 'OK' END, 'now', v_at,
    'record', agentlane.record_of(t), 'published', coalesce(v_published, true),
    'etag', coalesce((SELECT c.etag FROM agentlane.contexts c WHERE c.lane = t.lane), ''), 'effects', effects);
END $$;

CREATE OR REPLACE FUNCTION agentlane.claim_task(
  p_tenant text, p_task_id text, p_worker_id text, p_lease_ms bigint, p_span_id text, p_change bytea,
  p_claim_id text
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN agentlane.claimed(agentlane.locked(p_tenant, p_task_id), p_worker_id, p_lease_ms, p_span_id,
    p_change, p_claim_id);
END $$;

-- Claims several tasks; arguments as claim_task, at the same index.
CREATE FUNCTION agentlane.claim_tasks(
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
    IF t.state = 0 OR (t.ready AND NOT agentlane.holds_doorbell(t.id)) THEN
      RETURN NEXT agentlane.later();
    ELSE
      RETURN NEXT agentlane.claimed(t, p_worker_ids[i], p_lease_ms[i], p_span_ids[i], p_changes[i],
        p_claim_ids[i]);
    END IF;
  END LOOP;
  PERFORM agentlane.count_together();
END $$;

-- Locks a task's doorbell where nobody else has it; true as well where there is none.
CREATE FUNCTION agentlane.holds_doorbell(p_id bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM FROM agentlane.doorbells d WHERE d.task = p_id FOR UPDATE SKIP LOCKED;
  RETURN FOUND OR NOT EXISTS (SELECT FROM agentlane.doorbells d WHERE d.task = p_id);
END $$;
