-- The lane of a session that begins is there before its tenant's row is locked. Before, two submits of new sessions of
-- one tenant could wait for each other: one had the tenant and found that another had made the lane meanwhile.

-- Makes the lane where there is none; answers its id then, otherwise null. Whoever makes one holds its name until the
-- transaction ends, so that batches, which try to, wait for nobody.
CREATE FUNCTION agentlane.begun_lane(p_tenant text, p_agent_id text, p_session_id text)
RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_lane bigint;
BEGIN
  PERFORM FROM agentlane.lanes l
    WHERE l.tenant = p_tenant AND l.agent_id = p_agent_id AND l.session_id = p_session_id;
  IF FOUND THEN RETURN NULL; END IF;
  PERFORM pg_advisory_xact_lock('agentlane.lanes'::regclass::oid::integer,
    hashtext(p_tenant || '%00' || p_agent_id || '#' || p_session_id));
  INSERT INTO agentlane.lanes (tenant, agent_id, session_id) VALUES (p_tenant, p_agent_id, p_session_id)
    ON CONFLICT DO NOTHING RETURNING id INTO v_lane;
  RETURN v_lane;
END $$;

ALTER FUNCTION agentlane.accept_task(boolean, text, text, text, text, integer, text, bigint, bigint, bigint, text, text,
  integer, jsonb, bytea, bytea, text, bytea, text, json) RENAME TO accept_in_lane;
CREATE FUNCTION agentlane.accept_task(
  p_waits boolean,
  p_tenant text, p_task_id text, p_idempotency_key text, p_digest text, p_strategy integer, p_queue text,
  p_max_queue_size bigint, p_deadline_in bigint, p_idempotency_ms bigint, p_agent_id text,
  p_session_id text, p_priority integer, p_metadata jsonb, p_submitted bytea, p_record bytea,
  p_headers text, p_change bytea, p_reason text, p_quota json
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_begun bigint;
  answer json;
BEGIN
  IF p_waits AND p_quota IS NOT NULL AND p_session_id <> '' THEN
    v_begun := agentlane.begun_lane(p_tenant, p_agent_id, p_session_id);
  END IF;
  answer := agentlane.accept_in_lane(p_waits, p_tenant, p_task_id, p_idempotency_key, p_digest, p_strategy, p_queue,
    p_max_queue_size, p_deadline_in, p_idempotency_ms, p_agent_id, p_session_id, p_priority, p_metadata,
    p_submitted, p_record, p_headers, p_change, p_reason, p_quota);
  IF v_begun IS NOT NULL AND answer ->> 'outcome' <> 'OK' THEN DELETE FROM agentlane.lanes WHERE id = v_begun; END IF;
  RETURN answer;
END $$;

-- The same as before; makes the lane in the same order.
CREATE OR REPLACE FUNCTION agentlane.import_context(
  p_tenant text, p_agent_id text, p_session_id text, p_overwrite boolean, p_context bytea,
  p_version numeric, p_message_count integer, p_created_at text, p_updated_at text
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF agentlane.is_closed(p_tenant) THEN RETURN json_build_object('outcome', 'CLOSED'); END IF;
  PERFORM agentlane.begun_lane(p_tenant, p_agent_id, p_session_id);
  RETURN agentlane.import_open_context(p_tenant, p_agent_id, p_session_id, p_overwrite, p_context, p_version,
    p_message_count, p_created_at, p_updated_at);
END $$;
