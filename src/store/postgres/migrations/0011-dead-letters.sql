-- Sends dead letters back to the end of their lanes as QUEUED.
--
-- Answers {now, redriven, effects}: the task ids that were dead letters.
-- Invariant: a dead letter is redriven once; attempts begin anew, fences and sequences go on.
CREATE FUNCTION agentlane.redrive_tasks(p_tenant text, p_task_ids text[]) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_at bigint := agentlane.now_ms();
  v_task_id text;
  t agentlane.tasks;
  redriven text[] := '{}';
  effects json[] := '{}';
BEGIN
  FOREACH v_task_id IN ARRAY agentlane.in_lock_order(p_tenant, p_task_ids) LOOP
    t := agentlane.locked(p_tenant, v_task_id);
    CONTINUE WHEN t.state IS DISTINCT FROM 6;
    t.last_sequence := t.last_sequence + 1;
    PERFORM agentlane.write_change(t, t.last_sequence, 6, 1, '', v_at);
    t.state := 1;
    t.deadline_at := NULL;
    t.cancel_mode := 0;
    t.cancel_reason := '';
    t.cancel_change := NULL;
    t.cancel_requested_at := NULL;
    t.finished_at := NULL;
    t.failure_reason := '';
    t.outcome := NULL;
    t.last_finish := NULL;
    t.consumed_attempts := 0;
    t.redrive_count := t.redrive_count + 1;
    effects := effects || agentlane.told(t, t.last_sequence - 1, t.last_sequence) || agentlane.settle(t, 6, v_at);
    redriven := redriven || v_task_id;
  END LOOP;
  RETURN json_build_object('now', v_at, 'redriven', redriven, 'effects', effects);
END $$;

-- Deletes dead letters by task id.
--
-- p_before only what failed before this instant, null = all
-- Answers how many were deleted.
-- Invariant: only FAILED tasks go; their idempotency keys go with them.
CREATE FUNCTION agentlane.purge_tasks(p_tenant text, p_task_ids text[], p_before double precision)
RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_task_id text;
  t agentlane.tasks;
  v_count integer := 0;
BEGIN
  FOREACH v_task_id IN ARRAY agentlane.in_lock_order(p_tenant, p_task_ids) LOOP
    t := agentlane.locked(p_tenant, v_task_id);
    CONTINUE WHEN t.state IS DISTINCT FROM 6 OR t.finished_at >= p_before;
    PERFORM agentlane.forget(t);
    v_count := v_count + 1;
  END LOOP;
  RETURN v_count;
END $$;

-- Task ids by lane, then by age, so that calls which take several lanes do not wait for each other.
CREATE FUNCTION agentlane.in_lock_order(p_tenant text, p_task_ids text[]) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN coalesce((
    SELECT array_agg(s.task_id ORDER BY s.lane, s.id) FROM agentlane.submissions s
    WHERE s.tenant = p_tenant AND s.task_id = ANY (p_task_ids)
  ), '{}');
END $$;
