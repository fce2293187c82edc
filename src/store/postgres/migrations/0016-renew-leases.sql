-- Extends leases, named by tenant, task id and fence at the same index.
--
-- Answers for each {valid} or {valid, mode, reason} once a cancel was requested.
-- Invariant: only the newest fence of a running task is extended; an ended lease that nobody acted upon
-- is still its holder's. A renewal lost in a crash of the server ends the lease earlier, nothing else.
-- A task that others hold for longer than an append takes keeps no other waiting: its lease is left as it
-- is and told as it stands. While it is held nobody can end it for its lease, and whoever holds it decides
-- what the next renewal, long before the lease ends, is told.
CREATE OR REPLACE FUNCTION agentlane.renew_leases(
  p_lease_ms bigint, p_tenants text[], p_task_ids text[], p_fences bigint[]
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  -- For one task, and for all together.
  patience constant text := '50ms';
  most_patience constant integer := 200;
  v_at bigint;
  v_id bigint;
  wanted bigint[];
  held bigint[];
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT array_agg(s.id ORDER BY s.id) INTO wanted
    FROM unnest(p_tenants, p_task_ids, p_fences) AS n (tenant, task_id, fence)
    CROSS JOIN LATERAL agentlane.id_of(n.tenant, n.task_id) AS s (id)
    JOIN agentlane.tasks o ON o.id = s.id AND o.state = 2 AND o.fence = n.fence;
  SELECT array_agg(l.id) INTO held FROM (
    SELECT o.id FROM agentlane.tasks o WHERE o.id = ANY (wanted) ORDER BY o.id FOR UPDATE SKIP LOCKED
  ) l;
  v_at := agentlane.now_ms();
  FOREACH v_id IN ARRAY coalesce(wanted, '{}') LOOP
    CONTINUE WHEN v_id = ANY (held);
    EXIT WHEN agentlane.now_ms() - v_at >= most_patience;
    BEGIN
      PERFORM set_config('lock_timeout', patience, true);
      PERFORM FROM agentlane.tasks o WHERE o.id = v_id FOR UPDATE;
      held := held || v_id;
    EXCEPTION WHEN lock_not_available THEN
      CONTINUE;
    END;
  END LOOP;
  v_at := agentlane.now_ms();
  UPDATE agentlane.tasks o SET lease_expires_at = v_at + p_lease_ms
    FROM unnest(p_tenants, p_task_ids, p_fences) AS n (tenant, task_id, fence)
    CROSS JOIN LATERAL agentlane.id_of(n.tenant, n.task_id) AS s (id)
    WHERE o.id = s.id AND o.id = ANY (held) AND o.state = 2 AND o.fence = n.fence;
  RETURN (
    SELECT json_agg(json_build_object('valid', o.id IS NOT NULL, 'mode', o.cancel_mode, 'reason', o.cancel_reason)
      ORDER BY n.position)
    FROM unnest(p_tenants, p_task_ids, p_fences) WITH ORDINALITY AS n (tenant, task_id, fence, position)
    CROSS JOIN LATERAL agentlane.id_of(n.tenant, n.task_id) AS s (id)
    LEFT JOIN agentlane.tasks o ON o.id = s.id AND o.state = 2 AND o.fence = n.fence
  );
END $$;
