-- Takes a ready task for an attempt: RUNNING, a new fence, a lease, the entry that announces it.
--
-- p_change TaskStateChange of a passed deadline · p_span_id W3C span id or ''
-- Answers {outcome: NONE, now, effects} when it is not ready, or its deadline has passed ·
-- {OK, now, record, etag, effects} · {AGAIN, …} to a repeat while its lease is held.
-- Invariant: one attempt at a time per task and session, and per claim id; the fence grows with every
-- claim. It follows the server's clock, so that a claim lost in a failover does not give its fence away
-- again.
CREATE FUNCTION agentlane.claim_task(
  p_tenant text, p_task_id text, p_worker_id text, p_lease_ms bigint, p_span_id text, p_change bytea,
  p_claim_id text
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  -- The newest attempts of a task that its record keeps.
  kept constant integer := 32;
  t agentlane.tasks := agentlane.locked(p_tenant, p_task_id);
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
  RETURN (
    SELECT json_build_object('outcome', CASE WHEN v_repeats THEN 'AGAIN' ELSE 'OK' END, 'now', v_at,
      'record', to_json(r), 'published', coalesce(v_published, true),
      'etag', coalesce((SELECT c.etag FROM agentlane.contexts c WHERE c.lane = t.lane), ''), 'effects', effects)
    FROM agentlane.task_records r WHERE r.id = t.id
  );
END $$;
