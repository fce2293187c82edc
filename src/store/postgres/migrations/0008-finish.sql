-- Keeps a session's context; answers its etag. The etag names the instant too: after a loss of data the
-- sequence begins anew. p_created_at and p_updated_at are "seconds nanos".
CREATE FUNCTION agentlane.keep_context(
  p_lane bigint, p_context bytea, p_version numeric, p_message_count integer, p_created_at text,
  p_updated_at text, p_at bigint
) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  used bigint := nextval('agentlane.orders');
BEGIN
  INSERT INTO agentlane.contexts (lane, tenant, agent_id, session_id, context, version, message_count,
    created_at, updated_at, etag, used_order, used_at)
  SELECT l.id, l.tenant, l.agent_id, l.session_id, p_context, p_version, p_message_count,
    p_created_at, p_updated_at, used || '-' || p_at, used, p_at
  FROM agentlane.lanes l WHERE l.id = p_lane
  ON CONFLICT (lane) DO UPDATE SET context = excluded.context, version = excluded.version,
    message_count = excluded.message_count, created_at = excluded.created_at,
    updated_at = excluded.updated_at, etag = excluded.etag, used_order = excluded.used_order,
    used_at = excluded.used_at;
  RETURN used || '-' || p_at;
END $$;

-- An instant as contexts keep it.
CREATE FUNCTION agentlane.written(p_at bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
  $$ SELECT (p_at / 1000) || ' ' || (p_at % 1000) * 1000000 $$;

-- Ends an attempt: last events, state change, session, and the promotion of the lane's next task.
--
-- p_state as requested · p_if_expired only an expired lease may be ended · p_outcome AttemptOutcome ·
-- p_change TaskStateChange with the result or error · p_error TaskError of the attempt or '' ·
-- p_reason of a failure or '' · p_context ExecutionContext to commit, null = none, with the session it
-- is of and its version · p_events TaskEvents not yet appended
-- Answers {outcome: LOST} · {GAP, last} · {STATELESS} · {FOREIGN} · {VERSION, version} ·
-- {OK, now, due, task, etag, known, effects}: known events were there already, -1 for a repeat. The
-- caller knows the entries of the others and, where the task's state is the requested one, of the
-- change; effects tell of the rest.
-- Invariant: one ending per fence; its repeat answers the same, any other is refused.
CREATE FUNCTION agentlane.finish_task(
  p_tenant text, p_task_id text, p_fence bigint, p_after integer, p_state integer, p_if_expired boolean,
  p_delay_ms bigint, p_outcome integer, p_change bytea, p_error bytea, p_reason text,
  p_agent_id text, p_session_id text, p_context bytea, p_version numeric, p_message_count integer,
  p_events bytea[]
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  t agentlane.tasks := agentlane.locked(p_tenant, p_task_id);
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
  PERFORM agentlane.write_events(t, v_from, v_known, p_events, v_at);
  t.last_sequence := v_from + cardinality(p_events) + 1;
  PERFORM agentlane.write_change(t, t.last_sequence, 2, v_state, v_change, v_at);
  IF v_state <> p_state THEN
    effects := effects || agentlane.told(t, t.last_sequence - 1, t.last_sequence);
  END IF;

  t.attempts := agentlane.ended_attempts(t, p_outcome, p_error, v_at);
  -- Only a drain hands back without consuming the attempt.
  IF p_state <> 1 THEN t.consumed_attempts := t.consumed_attempts + 1; END IF;
  IF v_state > 3 THEN t.finished_at := v_at; END IF;
  t.state := v_state;
  t.failure_reason := p_reason;
  t.outcome := CASE WHEN v_state <> 1 THEN v_change END;
  t.last_finish := v_repeat || jsonb_build_object('etag', v_etag, 'sequence', t.last_sequence);
  effects := effects || agentlane.settle(t, 2, v_at, 1, greatest(0, v_at - t.attempt_started_at));
  RETURN json_build_object('outcome', 'OK', 'now', v_at, 'task', agentlane.shown(t.id), 'etag', v_etag,
    'known', v_known, 'effects', effects,
    'due', CASE WHEN v_state = 3 THEN agentlane.next_due(v_at) END);
END $$;

-- Running tasks whose lease has ended, oldest first.
CREATE FUNCTION agentlane.expired_leases(p_limit integer) RETURNS SETOF json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_at bigint := agentlane.now_ms();
BEGIN
  RETURN QUERY SELECT to_json(r) FROM (
    SELECT o.id FROM agentlane.tasks o WHERE o.lease_expires_at <= v_at
    ORDER BY o.lease_expires_at LIMIT p_limit
  ) e JOIN agentlane.task_records r USING (id) ORDER BY r.lease_expires_at;
END $$;
