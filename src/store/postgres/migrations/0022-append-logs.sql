-- What append_events does once the task is locked; see there.
CREATE FUNCTION agentlane.appended(t agentlane.tasks, p_fence bigint, p_after integer, p_events bytea[])
RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_at bigint := agentlane.now_ms();
  v_count integer := cardinality(p_events);
  v_known integer;
BEGIN
  IF t.id IS NULL OR t.state <> 2 OR t.fence <> p_fence THEN RETURN json_build_object('outcome', 'LOST'); END IF;
  IF p_after < t.attempt_sequence OR p_after > t.last_sequence THEN
    RETURN json_build_object('outcome', 'GAP', 'last', t.last_sequence);
  END IF;
  v_known := least(v_count, t.last_sequence - p_after);
  IF v_known < v_count THEN
    PERFORM agentlane.write_events(t, p_after, v_known, p_events, v_at);
    UPDATE agentlane.tasks SET last_sequence = p_after + v_count WHERE id = t.id;
  END IF;
  RETURN json_build_object('outcome', 'OK', 'now', v_at, 'last', p_after + v_count, 'known', v_known,
    'effects', agentlane.told(t, p_after, p_after + v_known));
END $$;

CREATE OR REPLACE FUNCTION agentlane.append_events(
  p_tenant text, p_task_id text, p_fence bigint, p_after integer, p_events bytea[]
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  t agentlane.tasks;
BEGIN
  SELECT o.* INTO t FROM agentlane.submissions s JOIN agentlane.tasks o USING (id)
    WHERE s.tenant = p_tenant AND s.task_id = p_task_id FOR UPDATE OF o;
  RETURN agentlane.appended(t, p_fence, p_after, p_events);
END $$;

-- Appends to the logs of several tasks; arguments as append_events, at the same index, but for the events:
-- all of them one after the other in p_events, and how many are whose in p_event_counts.
CREATE FUNCTION agentlane.append_logs(
  p_tenants text[], p_task_ids text[], p_fences bigint[], p_after integer[], p_events bytea[],
  p_event_counts integer[]
) RETURNS SETOF json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  t agentlane.tasks;
  v_first integer := 1;
BEGIN
  FOR i IN 1 .. cardinality(p_task_ids) LOOP
    SELECT o.* INTO t FROM agentlane.submissions s JOIN agentlane.tasks o USING (id)
      WHERE s.tenant = p_tenants[i] AND s.task_id = p_task_ids[i] FOR UPDATE OF o SKIP LOCKED;
    -- Gone, or somebody else's: alone, it is told which.
    IF NOT FOUND THEN
      RETURN NEXT agentlane.later();
    ELSE
      RETURN NEXT agentlane.appended(t, p_fences[i], p_after[i],
        p_events[v_first : v_first + p_event_counts[i] - 1]);
    END IF;
    v_first := v_first + p_event_counts[i];
  END LOOP;
END $$;
