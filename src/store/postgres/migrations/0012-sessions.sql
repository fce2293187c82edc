-- Puts a session's context in place.
--
-- p_created_at and p_updated_at "seconds nanos", or '' for now
-- Answers {outcome: BUSY, count} · {EXISTS} · {OK}.
-- Invariant: never under a running or waiting task.
CREATE FUNCTION agentlane.import_context(
  p_tenant text, p_agent_id text, p_session_id text, p_overwrite boolean, p_context bytea,
  p_version numeric, p_message_count integer, p_created_at text, p_updated_at text
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_lane bigint;
  v_count bigint;
  v_at bigint;
BEGIN
  LOOP
    SELECT l.id INTO v_lane FROM agentlane.lanes l
      WHERE l.tenant = p_tenant AND l.agent_id = p_agent_id AND l.session_id = p_session_id FOR UPDATE;
    EXIT WHEN FOUND;
    INSERT INTO agentlane.lanes (tenant, agent_id, session_id) VALUES (p_tenant, p_agent_id, p_session_id)
      ON CONFLICT DO NOTHING RETURNING id INTO v_lane;
    EXIT WHEN FOUND;
  END LOOP;
  SELECT count(*) INTO v_count FROM agentlane.tasks o WHERE o.lane = v_lane AND o.lane_order IS NOT NULL;
  IF v_count > 0 THEN RETURN json_build_object('outcome', 'BUSY', 'count', v_count); END IF;
  IF NOT p_overwrite AND EXISTS (SELECT FROM agentlane.contexts c WHERE c.lane = v_lane) THEN
    RETURN json_build_object('outcome', 'EXISTS');
  END IF;
  v_at := agentlane.now_ms();
  PERFORM agentlane.keep_context(v_lane, p_context, p_version, p_message_count,
    coalesce(nullif(p_created_at, ''), agentlane.written(v_at)),
    coalesce(nullif(p_updated_at, ''), agentlane.written(v_at)), v_at);
  RETURN json_build_object('outcome', 'OK');
END $$;

-- Cancels a session's unfinished tasks and deletes all that is known of it.
--
-- p_change TaskStateChange and p_error TaskError of the cancel, p_reason its words · p_outcome
-- AttemptOutcome CANCELED
-- Answers {existed, count of canceled tasks, now, effects}.
-- Invariant: a running attempt loses its lease with its task; nothing of the session is left.
CREATE FUNCTION agentlane.destroy_session(
  p_tenant text, p_agent_id text, p_session_id text, p_change bytea, p_error bytea, p_reason text,
  p_outcome integer
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  t agentlane.tasks;
  v_lane bigint;
  v_at bigint;
  v_count integer := 0;
  effects json[] := '{}';
  cancels json[] := '{}';
BEGIN
  SELECT l.id INTO v_lane FROM agentlane.lanes l
    WHERE l.tenant = p_tenant AND l.agent_id = p_agent_id AND l.session_id = p_session_id FOR UPDATE;
  v_at := agentlane.now_ms();
  IF v_lane IS NULL THEN
    RETURN json_build_object('existed', false, 'count', 0, 'now', v_at, 'effects', effects);
  END IF;
  PERFORM FROM agentlane.tasks o JOIN agentlane.submissions s USING (id)
    WHERE s.lane = v_lane ORDER BY o.id FOR UPDATE OF o;
  -- From the last to the first, so that no task is rung for only to be canceled.
  FOR t IN SELECT * FROM agentlane.tasks o
      WHERE o.lane = v_lane AND o.lane_order IS NOT NULL ORDER BY o.lane_order DESC LOOP
    v_count := v_count + 1;
    IF t.state = 2 THEN
      t.attempts := agentlane.ended_attempts(t, p_outcome, p_error, v_at);
      effects := effects || agentlane.end_task(t, 7, p_change, 'CANCELED', v_at, 1,
        greatest(0, v_at - t.attempt_started_at));
      cancels := cancels || json_build_object('cancel', json_build_object('tenant', t.tenant,
        'task_id', t.task_id, 'mode', 1, 'reason', p_reason));
    ELSE
      effects := effects || agentlane.end_task(t, 7, p_change, 'CANCELED', v_at);
    END IF;
  END LOOP;
  DELETE FROM agentlane.contexts WHERE lane = v_lane;
  FOR t IN SELECT o.* FROM agentlane.submissions s JOIN agentlane.tasks o USING (id) WHERE s.lane = v_lane LOOP
    PERFORM agentlane.forget(t);
  END LOOP;
  PERFORM agentlane.drop_lane(v_lane);
  RETURN json_build_object('existed', true, 'count', v_count, 'now', v_at, 'effects', effects || cancels);
END $$;
