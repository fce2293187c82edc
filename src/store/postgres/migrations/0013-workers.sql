-- A worker's report.
--
-- p_removed_… instances that are gone, p_changed_… those that are new or changed, by tenant and session
-- Answers whether the worker was known.
-- Invariant: an instance is listed exactly while its worker is.
CREATE FUNCTION agentlane.report_worker(
  p_worker_id text, p_ttl_ms bigint, p_worker bytea, p_removed_tenants text[], p_removed_keys text[],
  p_changed_tenants text[], p_changed_keys text[], p_changed bytea[]
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_at bigint := agentlane.now_ms();
  gone text[];
  v_known boolean;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  -- Workers that have not reported for their time are gone, and their instances with them.
  SELECT array_agg(e.worker_id) INTO gone FROM (
    SELECT w.worker_id FROM agentlane.workers w WHERE w.expires_at <= v_at FOR UPDATE SKIP LOCKED
  ) e;
  DELETE FROM agentlane.instances WHERE worker_id = ANY (gone);
  DELETE FROM agentlane.workers WHERE worker_id = ANY (gone);
  SELECT true INTO v_known FROM agentlane.workers w WHERE w.worker_id = p_worker_id FOR UPDATE;
  INSERT INTO agentlane.workers (worker_id, worker, reported_at, expires_at)
    VALUES (p_worker_id, p_worker, v_at, v_at + p_ttl_ms)
    ON CONFLICT (worker_id) DO UPDATE
      SET worker = excluded.worker, reported_at = excluded.reported_at, expires_at = excluded.expires_at;
  DELETE FROM agentlane.instances i USING unnest(p_removed_tenants, p_removed_keys) AS r (tenant, session_key)
    WHERE i.tenant = r.tenant AND i.session_key = r.session_key AND i.worker_id = p_worker_id;
  INSERT INTO agentlane.instances (tenant, session_key, worker_id, instance)
    SELECT c.tenant, c.session_key, p_worker_id, c.instance
    FROM unnest(p_changed_tenants, p_changed_keys, p_changed) AS c (tenant, session_key, instance)
    ON CONFLICT (tenant, session_key, worker_id) DO UPDATE SET instance = excluded.instance;
  RETURN coalesce(v_known, false);
END $$;

-- Removes a worker and its instances.
CREATE FUNCTION agentlane.remove_worker(p_worker_id text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  DELETE FROM agentlane.workers WHERE worker_id = p_worker_id;
  DELETE FROM agentlane.instances WHERE worker_id = p_worker_id;
END $$;
