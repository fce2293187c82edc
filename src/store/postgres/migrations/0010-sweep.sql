-- The store's own chores, each along an index, so that its cost follows what is due. What others are at
-- work on is left for the next sweep.
--
-- p_change TaskStateChange of a passed deadline
-- Answers {count, now, due, effects}.
-- Invariant: nothing unfinished is deleted; a second sweep of the same finds nothing.
CREATE FUNCTION agentlane.sweep_store(
  p_limit integer, p_unpublished_ms bigint, p_log_ms bigint, p_task_ms bigint, p_dead_ms bigint,
  p_session_ms bigint, p_change bytea
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_at bigint := agentlane.now_ms();
  v_left integer := p_limit;
  v_id bigint;
  t agentlane.tasks;
  effects json[] := '{}';
BEGIN
  FOR v_id IN SELECT o.id FROM agentlane.tasks o WHERE o.due_at <= v_at ORDER BY o.due_at LIMIT v_left LOOP
    t := agentlane.locked_if_free(v_id);
    CONTINUE WHEN t.due_at IS NULL OR t.due_at > v_at;
    v_left := v_left - 1;
    IF t.state = 3 AND t.next_attempt_at <= v_at THEN
      t.last_sequence := t.last_sequence + 1;
      PERFORM agentlane.write_change(t, t.last_sequence, 3, 1, '', v_at);
      t.state := 1;
      t.next_attempt_at := NULL;
      t.failure_reason := '';
      t.outcome := NULL;
      effects := effects || agentlane.told(t, t.last_sequence - 1, t.last_sequence) || agentlane.settle(t, 3, v_at);
    ELSE
      effects := effects || agentlane.end_task(t, 6, p_change, 'DEADLINE_EXCEEDED', v_at);
    END IF;
  END LOOP;

  FOR v_id IN UPDATE agentlane.doorbells SET rung_at = v_at WHERE task IN (
      SELECT d.task FROM agentlane.doorbells d WHERE d.rung_at <= v_at - p_unpublished_ms
      ORDER BY d.rung_at LIMIT v_left FOR UPDATE SKIP LOCKED
    ) RETURNING task LOOP
    v_left := v_left - 1;
    effects := effects || agentlane.bell(v_id);
  END LOOP;

  v_left := v_left - agentlane.sweep_keys(v_left, v_at);
  v_left := v_left - agentlane.sweep_logs(v_left, v_at - p_log_ms);
  v_left := v_left - agentlane.sweep_ended(v_left, ARRAY[1, 2], v_at - p_task_ms);
  v_left := v_left - agentlane.sweep_ended(v_left, ARRAY[3, 4], v_at - p_dead_ms);
  v_left := v_left - agentlane.sweep_contexts(v_left, v_at - p_session_ms, v_at);
  RETURN json_build_object('count', p_limit - v_left, 'now', v_at, 'due', agentlane.next_due(v_at), 'effects', effects);
END $$;

-- Forgets expired idempotency keys, and the tasks that were kept for them alone.
CREATE FUNCTION agentlane.sweep_keys(p_limit integer, p_at bigint) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  known agentlane.keys;
  t agentlane.tasks;
  v_count integer := 0;
BEGIN
  FOR known IN SELECT * FROM agentlane.keys k WHERE k.expires_at <= p_at ORDER BY k.expires_at LIMIT p_limit LOOP
    t := agentlane.locked_if_free(known.task);
    CONTINUE WHEN t.id IS NULL;
    DELETE FROM agentlane.keys k
      WHERE k.tenant = known.tenant AND k.key = known.key AND k.task = known.task;
    CONTINUE WHEN NOT FOUND;
    IF t.retention = 5 THEN PERFORM agentlane.forget(t); END IF;
    v_count := v_count + 1;
  END LOOP;
  RETURN v_count;
END $$;

-- Drops logs of tasks that ended before an instant. A log may be long: at most some 50,000 entries go
-- in one call, so that it ends in time.
CREATE FUNCTION agentlane.sweep_logs(p_limit integer, p_before bigint) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  most constant bigint := 50000;
  found bigint[];
BEGIN
  SELECT array_agg(l.id) INTO found FROM (
    SELECT c.id, sum(c.length) OVER (ORDER BY c.finished_at, c.id) - c.length AS before FROM (
      SELECT o.id, o.finished_at, (o.last_sequence - o.first_sequence + 1)::bigint AS length FROM agentlane.tasks o
      WHERE o.retention IN (1, 3) AND o.finished_at <= p_before
      ORDER BY o.retention, o.finished_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ) c
  ) l WHERE l.before < most;
  IF found IS NULL THEN RETURN 0; END IF;
  DELETE FROM agentlane.events WHERE task = ANY (found);
  UPDATE agentlane.tasks SET first_sequence = last_sequence + 1, retention = retention + 1 WHERE id = ANY (found);
  RETURN cardinality(found);
END $$;

-- Forgets tasks that ended before an instant. A remembered idempotency key must lead to its task, so
-- the task stays until the key goes.
CREATE FUNCTION agentlane.sweep_ended(p_limit integer, p_retentions integer[], p_before bigint)
RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  most constant bigint := 50000;
  v_id bigint;
  v_entries bigint := 0;
  t agentlane.tasks;
  v_count integer := 0;
BEGIN
  FOR v_id IN SELECT o.id FROM agentlane.tasks o
      WHERE o.retention = ANY (p_retentions) AND o.finished_at <= p_before
      ORDER BY o.retention, o.finished_at LIMIT p_limit LOOP
    EXIT WHEN v_entries >= most;
    t := agentlane.locked_if_free(v_id);
    CONTINUE WHEN t.retention IS NULL OR t.retention <> ALL (p_retentions);
    IF EXISTS (SELECT FROM agentlane.keys k WHERE k.task = v_id) THEN
      UPDATE agentlane.tasks SET retention = 5 WHERE id = v_id;
    ELSE
      v_entries := v_entries + t.last_sequence - t.first_sequence + 1;
      PERFORM agentlane.forget(t);
    END IF;
    v_count := v_count + 1;
  END LOOP;
  RETURN v_count;
END $$;

-- Drops contexts that were last used before an instant. With a task in its lane a session is in use: it
-- is looked at again when its next turn is committed, or after another retention.
CREATE FUNCTION agentlane.sweep_contexts(p_limit integer, p_before bigint, p_at bigint)
RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_lane bigint;
  v_count integer := 0;
BEGIN
  FOR v_lane IN SELECT c.lane FROM agentlane.contexts c WHERE c.used_at <= p_before
      ORDER BY c.used_at LIMIT p_limit LOOP
    PERFORM FROM agentlane.lanes l WHERE l.id = v_lane FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    IF EXISTS (SELECT FROM agentlane.tasks o WHERE o.lane = v_lane AND o.lane_order IS NOT NULL) THEN
      UPDATE agentlane.contexts SET used_at = p_at WHERE lane = v_lane AND used_at <= p_before;
    ELSE
      DELETE FROM agentlane.contexts WHERE lane = v_lane AND used_at <= p_before;
      PERFORM agentlane.drop_lane(v_lane);
    END IF;
    v_count := v_count + 1;
  END LOOP;
  RETURN v_count;
END $$;
