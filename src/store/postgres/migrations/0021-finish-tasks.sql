-- What finish_task does once the task is locked; see there.
CREATE FUNCTION agentlane.finished(
  t agentlane.tasks, p_fence bigint, p_after integer, p_state integer, p_if_expired boolean,
  p_delay_ms bigint, p_outcome integer, p_change bytea, p_error bytea, p_reason text,
  p_agent_id text, p_session_id text, p_context bytea, p_version numeric, p_message_count integer,
  p_events bytea[]
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

CREATE OR REPLACE FUNCTION agentlane.finish_task(
  p_tenant text, p_task_id text, p_fence bigint, p_after integer, p_state integer, p_if_expired boolean,
  p_delay_ms bigint, p_outcome integer, p_change bytea, p_error bytea, p_reason text,
  p_agent_id text, p_session_id text, p_context bytea, p_version numeric, p_message_count integer,
  p_events bytea[]
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN agentlane.finished(agentlane.locked(p_tenant, p_task_id), p_fence, p_after, p_state, p_if_expired,
    p_delay_ms, p_outcome, p_change, p_error, p_reason, p_agent_id, p_session_id, p_context, p_version,
    p_message_count, p_events);
END $$;

-- Ends several attempts; arguments as finish_task, at the same index, but for the events: all of them one
-- after the other in p_events, and how many are whose in p_event_counts.
CREATE FUNCTION agentlane.finish_tasks(
  p_tenants text[], p_task_ids text[], p_fences bigint[], p_after integer[], p_states integer[],
  p_if_expired boolean[], p_delay_ms bigint[], p_outcomes integer[], p_changes bytea[], p_errors bytea[],
  p_reasons text[], p_agent_ids text[], p_session_ids text[], p_contexts bytea[], p_versions numeric[],
  p_message_counts integer[], p_events bytea[], p_event_counts integer[]
) RETURNS SETOF json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  t agentlane.tasks;
  v_first integer := 1;
BEGIN
  PERFORM agentlane.count_later();
  FOR i IN 1 .. cardinality(p_task_ids) LOOP
    t := agentlane.locked_at_once(p_tenants[i], p_task_ids[i]);
    IF t.state = 0 THEN
      RETURN NEXT agentlane.later();
    ELSE
      RETURN NEXT agentlane.finished(t, p_fences[i], p_after[i], p_states[i], p_if_expired[i], p_delay_ms[i],
        p_outcomes[i], p_changes[i], p_errors[i], p_reasons[i], p_agent_ids[i], p_session_ids[i],
        p_contexts[i], p_versions[i], p_message_counts[i],
        p_events[v_first : v_first + p_event_counts[i] - 1]);
    END IF;
    v_first := v_first + p_event_counts[i];
  END LOOP;
  PERFORM agentlane.count_together();
END $$;
