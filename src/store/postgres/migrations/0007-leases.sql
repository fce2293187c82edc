-- Appends events to a running task's log.
--
-- p_events TaskEvents, positions p_after + 1 and on
-- Answers {outcome: LOST} · {GAP, last} · {OK, now, last, known, effects}: known events were there
-- already, and effects tell of those.
-- Invariant: the log is dense; a position is written once, so a repeat changes nothing.
CREATE FUNCTION agentlane.append_events(
  p_tenant text, p_task_id text, p_fence bigint, p_after integer, p_events bytea[]
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  t agentlane.tasks;
  v_at bigint;
  v_count integer := cardinality(p_events);
  v_known integer;
BEGIN
  SELECT o.* INTO t FROM agentlane.submissions s JOIN agentlane.tasks o USING (id)
    WHERE s.tenant = p_tenant AND s.task_id = p_task_id FOR UPDATE OF o;
  v_at := agentlane.now_ms();
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

-- Writes events after position p_after, but for the first p_known.
CREATE FUNCTION agentlane.write_events(
  t agentlane.tasks, p_after integer, p_known integer, p_events bytea[], p_at bigint
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  INSERT INTO agentlane.events (task, sequence, attempt, kind, previous, state, created_at, body)
  SELECT t.id, p_after + e.position, t.attempt, 0, 0, 0, p_at, e.body
  FROM unnest(p_events) WITH ORDINALITY AS e (body, position) WHERE e.position > p_known;
END $$;

-- Extends leases, named by tenant, task id and fence at the same index.
--
-- Answers for each {valid} or {valid, mode, reason} once a cancel was requested.
-- Invariant: only the newest fence of a running task is extended; an ended lease that nobody acted upon
-- is still its holder's. A renewal lost in a crash of the server ends the lease earlier, nothing else.
CREATE FUNCTION agentlane.renew_leases(p_lease_ms bigint, p_tenants text[], p_task_ids text[], p_fences bigint[])
RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_at bigint;
  held bigint[];
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT array_agg(l.id) INTO held FROM (
    SELECT o.id FROM unnest(p_tenants, p_task_ids, p_fences) AS n (tenant, task_id, fence)
    CROSS JOIN LATERAL agentlane.id_of(n.tenant, n.task_id) AS s (id)
    JOIN agentlane.tasks o ON o.id = s.id AND o.state = 2 AND o.fence = n.fence
    ORDER BY o.id FOR UPDATE OF o
  ) l;
  v_at := agentlane.now_ms();
  UPDATE agentlane.tasks SET lease_expires_at = v_at + p_lease_ms WHERE id = ANY (held);
  RETURN (
    SELECT json_agg(json_build_object('valid', o.id IS NOT NULL, 'mode', o.cancel_mode, 'reason', o.cancel_reason)
      ORDER BY n.position)
    FROM unnest(p_tenants, p_task_ids, p_fences) WITH ORDINALITY AS n (tenant, task_id, fence, position)
    CROSS JOIN LATERAL agentlane.id_of(n.tenant, n.task_id) AS s (id)
    LEFT JOIN agentlane.tasks o ON o.id = s.id AND o.id = ANY (held) AND o.fence = n.fence
  );
END $$;

-- The queue has confirmed the doorbells of these tasks.
--
-- Invariant: one that is forgotten in a crash of the server is rung again, nothing else.
CREATE FUNCTION agentlane.mark_published(p_tenants text[], p_task_ids text[])
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM agentlane.doorbells d USING (
    SELECT b.task FROM unnest(p_tenants, p_task_ids) AS n (tenant, task_id)
    CROSS JOIN LATERAL agentlane.id_of(n.tenant, n.task_id) AS s (id)
    JOIN agentlane.doorbells b ON b.task = s.id
    ORDER BY b.task FOR UPDATE OF b SKIP LOCKED
  ) confirmed WHERE d.task = confirmed.task;
END $$;
