-- Who is told of entries learns the agent and the trace too: a state change is logged by whoever made it.
--   {"entries": {tenant, task_id, agent_id, headers, entries}}

-- Entries (p_after, p_last] of a task's log, for its watchers; empty when there are none.
CREATE OR REPLACE FUNCTION agentlane.told(t agentlane.tasks, p_after integer, p_last integer) RETURNS json[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  entries json;
BEGIN
  IF p_last <= p_after THEN RETURN '{}'; END IF;
  SELECT json_agg(to_json(e) ORDER BY e.sequence) INTO entries FROM agentlane.events e
    WHERE e.task = t.id AND e.sequence > p_after AND e.sequence <= p_last;
  IF entries IS NULL THEN RETURN '{}'; END IF;
  RETURN ARRAY[json_build_object('entries',
    json_build_object('tenant', t.tenant, 'task_id', t.task_id, 'agent_id', t.agent_id,
      'headers', (SELECT s.trace_headers FROM agentlane.submissions s WHERE s.id = t.id),
      'entries', entries))];
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
