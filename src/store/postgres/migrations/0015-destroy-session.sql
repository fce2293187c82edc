-- Destroying a session in steps, each a call: a session may have more tasks than one call can delete, and
-- nobody is to wait for all of them.

-- Deletes tasks and all that names them. The caller holds their locks and has counted them.
CREATE FUNCTION agentlane.erase(p_ids bigint[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  DELETE FROM agentlane.keys WHERE task = ANY (p_ids);
  DELETE FROM agentlane.doorbells WHERE task = ANY (p_ids);
  DELETE FROM agentlane.events WHERE task = ANY (p_ids);
  DELETE FROM agentlane.tasks WHERE id = ANY (p_ids);
  DELETE FROM agentlane.submissions WHERE id = ANY (p_ids);
END $$;

-- Ends the unfinished tasks of a lane that were accepted before p_before, and deletes them. All at once,
-- so that no task is rung for only to be canceled. Answers {count, effects}.
CREATE FUNCTION agentlane.clear_lane(
  p_lane bigint, p_before bigint, p_change bytea, p_reason text, p_at bigint
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  ids bigint[];
  effects json[];
  cancels json[];
  head agentlane.tasks;
BEGIN
  PERFORM FROM agentlane.tasks o WHERE o.lane = p_lane AND o.lane_order IS NOT NULL AND o.id < p_before
    ORDER BY o.id FOR UPDATE;
  SELECT array_agg(o.id),
    array_agg(json_build_object('entries', json_build_object('tenant', o.tenant, 'task_id', o.task_id,
      'entries', json_build_array(to_json(ROW(o.id, o.last_sequence + 1, o.attempt, 1, o.state, 7, p_at,
        NULL, p_change)::agentlane.events)))) ORDER BY o.lane_order),
    array_agg(json_build_object('cancel', json_build_object('tenant', o.tenant, 'task_id', o.task_id,
      'mode', 1, 'reason', p_reason))) FILTER (WHERE o.state = 2)
    INTO ids, effects, cancels
    FROM agentlane.tasks o WHERE o.lane = p_lane AND o.lane_order IS NOT NULL AND o.id < p_before;
  IF ids IS NULL THEN RETURN json_build_object('count', 0, 'effects', '{}'::json[]); END IF;
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
  IF head.state = 1 AND NOT head.ready THEN
    UPDATE agentlane.tasks SET ready = true WHERE id = head.id;
    PERFORM agentlane.tally(head.queue, 0, 0, 1, 0);
    cancels := cancels || agentlane.ring(head.id, p_at);
  END IF;
  RETURN json_build_object('count', cardinality(ids), 'effects', effects || cancels);
END $$;

-- Deletes ended tasks of a lane that were accepted before p_before: at most some 5,000 of them, and some
-- 50,000 entries of their logs.
CREATE FUNCTION agentlane.forget_lane(p_lane bigint, p_before bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  most_tasks constant integer := 5000;
  most_entries constant bigint := 50000;
  ids bigint[];
  dead record;
BEGIN
  SELECT array_agg(l.id) INTO ids FROM (
    SELECT c.id, sum(c.length) OVER (ORDER BY c.id) - c.length AS before FROM (
      SELECT o.id, (o.last_sequence - o.first_sequence + 1)::bigint AS length
      FROM agentlane.submissions s JOIN agentlane.tasks o USING (id)
      WHERE s.lane = p_lane AND s.id < p_before AND o.lane_order IS NULL
      ORDER BY s.id LIMIT most_tasks FOR UPDATE OF o
    ) c
  ) l WHERE l.before < most_entries;
  FOR dead IN SELECT o.queue, count(*)::integer AS count FROM agentlane.tasks o
      WHERE o.id = ANY (ids) AND o.state = 6 GROUP BY o.queue LOOP
    PERFORM agentlane.tally(dead.queue, 0, 0, 0, -dead.count);
  END LOOP;
  PERFORM agentlane.erase(ids);
END $$;

-- A process of the release before still calls it without p_before.
DROP FUNCTION agentlane.destroy_session(text, text, text, bytea, bytea, text, integer);

-- Cancels a session's unfinished tasks and deletes all that is known of it, in steps. The first ends what
-- is unfinished and deletes the context; what comes afterwards belongs to the session that begins anew.
--
-- p_change TaskStateChange of the cancel, p_reason its words · p_error and p_outcome are of no use any
-- more · p_before null for the first step, its answer for the next ones
-- Answers {existed, count of canceled tasks, now, before, left: whether another step is needed, effects}.
-- Invariant: a running attempt loses its lease with its task; after the last step nothing of the session
-- is left.
CREATE FUNCTION agentlane.destroy_session(
  p_tenant text, p_agent_id text, p_session_id text, p_change bytea, p_error bytea, p_reason text,
  p_outcome integer, p_before bigint DEFAULT NULL
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_lane bigint;
  v_at bigint;
  cleared json;
BEGIN
  SELECT l.id INTO v_lane FROM agentlane.lanes l
    WHERE l.tenant = p_tenant AND l.agent_id = p_agent_id AND l.session_id = p_session_id FOR UPDATE;
  v_at := agentlane.now_ms();
  IF v_lane IS NULL THEN
    RETURN json_build_object('existed', false, 'count', 0, 'now', v_at, 'left', false, 'effects', '{}'::json[]);
  END IF;
  IF p_before IS NULL THEN
    p_before := nextval('agentlane.orders');
    DELETE FROM agentlane.contexts WHERE lane = v_lane;
  END IF;
  cleared := agentlane.clear_lane(v_lane, p_before, p_change, p_reason, v_at);
  PERFORM agentlane.forget_lane(v_lane, p_before);
  PERFORM agentlane.drop_lane(v_lane);
  RETURN json_build_object('existed', true, 'count', cleared -> 'count', 'now', v_at, 'before', p_before,
    'left', EXISTS (SELECT FROM agentlane.submissions s WHERE s.lane = v_lane AND s.id < p_before),
    'effects', cleared -> 'effects');
END $$;
