-- Deleting a tenant: nothing new of it is accepted, then it goes in steps.

-- Tenants of which nothing new is accepted. until_at null = it is being deleted.
CREATE TABLE agentlane.closed_tenants (
  tenant text COLLATE "C" PRIMARY KEY,
  until_at bigint
);

-- Whoever asks holds the table until its transaction ends, so that close_tenant can wait for it.
CREATE FUNCTION agentlane.is_closed(p_tenant text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN EXISTS (SELECT FROM agentlane.closed_tenants c
    WHERE c.tenant = p_tenant AND (c.until_at IS NULL OR c.until_at > agentlane.now_ms()));
END $$;

-- Accepts nothing new of a tenant from here on. Waits for who has asked before, and is undone when that takes long,
-- a dump for example: whoever asks now waits behind.
CREATE FUNCTION agentlane.close_tenant(p_tenant text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  -- One at a time: two that hold the table could not lock it.
  PERFORM pg_advisory_xact_lock('agentlane.closed_tenants'::regclass::oid::integer, 0);
  IF EXISTS (SELECT FROM agentlane.closed_tenants c WHERE c.tenant = p_tenant AND c.until_at IS NULL) THEN RETURN; END IF;
  PERFORM set_config('lock_timeout', '500ms', true);
  LOCK TABLE agentlane.closed_tenants IN ACCESS EXCLUSIVE MODE;
  INSERT INTO agentlane.closed_tenants (tenant) VALUES (p_tenant)
    ON CONFLICT (tenant) DO UPDATE SET until_at = NULL;
END $$;

-- A step of deleting what is kept of a closed tenant, API keys excepted: at most p_limit tasks, the newest first, and
-- some 50,000 entries of their logs; then as many sessions.
--
-- p_change TaskStateChange of the cancels, p_reason its words
-- Answers {done, tasks, canceled, sessions: how many of each, now, effects}.
-- Invariant: a running attempt loses its lease with its task; after the last step nothing of the tenant is left but its
-- row of closed_tenants, and its instances until their workers report.
CREATE FUNCTION agentlane.clear_tenant(p_tenant text, p_limit integer, p_change bytea, p_reason text)
RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  most_entries constant bigint := 50000;
  closed_for_ms constant bigint := 120000;
  v_at bigint := agentlane.now_ms();
  v_tasks integer;
  v_canceled integer;
  v_lanes bigint[];
  v_sessions integer := 0;
  v_done boolean := false;
  ids bigint[];
  effects json[];
  cancels json[];
BEGIN
  SELECT array_agg(l.id) INTO ids FROM (
    SELECT c.id, sum(c.length) OVER (ORDER BY c.id DESC) - c.length AS before FROM (
      SELECT o.id, (o.last_sequence - o.first_sequence + 1)::bigint AS length
      FROM agentlane.submissions s JOIN agentlane.tasks o USING (id)
      WHERE s.tenant || '' = p_tenant ORDER BY s.id DESC LIMIT p_limit
    ) c
  ) l WHERE l.before < most_entries;
  PERFORM FROM agentlane.lanes l WHERE l.id IN (SELECT s.lane FROM agentlane.submissions s WHERE s.id = ANY (ids))
    ORDER BY l.id FOR UPDATE;
  PERFORM FROM agentlane.tasks o WHERE o.id = ANY (ids) ORDER BY o.id FOR UPDATE;
  -- What is deleted counts for nobody any more.
  DELETE FROM agentlane.tenants n WHERE n.tenant = p_tenant;
  DELETE FROM agentlane.tenant_lines l WHERE l.tenant = p_tenant;
  SELECT count(*), count(*) FILTER (WHERE o.state <= 3),
    array_agg(json_build_object('entries', json_build_object('tenant', o.tenant, 'task_id', o.task_id,
      'agent_id', o.agent_id, 'headers', (SELECT s.trace_headers FROM agentlane.submissions s WHERE s.id = o.id),
      'entries', json_build_array(to_json(ROW(o.id, o.last_sequence + 1, o.attempt, 1, o.state, 7, v_at,
        NULL, p_change)::agentlane.events))))) FILTER (WHERE o.state <= 3),
    array_agg(json_build_object('cancel', json_build_object('tenant', o.tenant, 'task_id', o.task_id,
      'mode', 1, 'reason', p_reason))) FILTER (WHERE o.state = 2)
    INTO v_tasks, v_canceled, effects, cancels
    FROM agentlane.tasks o WHERE o.id = ANY (ids);
  INSERT INTO agentlane.counts AS c (queue, shard, queued, running, retry_wait, ready, dead, completed, attempts,
    attempt_ms)
  SELECT o.queue, pg_backend_pid() % 64, -count(*) FILTER (WHERE o.state = 1),
    -count(*) FILTER (WHERE o.state = 2), -count(*) FILTER (WHERE o.state = 3),
    -count(*) FILTER (WHERE o.ready), -count(*) FILTER (WHERE o.state = 6), count(*) FILTER (WHERE o.state <= 3),
    count(*) FILTER (WHERE o.state = 2),
    coalesce(sum(greatest(0, v_at - o.attempt_started_at)) FILTER (WHERE o.state = 2), 0)
  FROM agentlane.tasks o WHERE o.id = ANY (ids) AND o.state IN (1, 2, 3, 6) GROUP BY o.queue
  ON CONFLICT (queue, shard) DO UPDATE SET
    queued = c.queued + excluded.queued, running = c.running + excluded.running,
    retry_wait = c.retry_wait + excluded.retry_wait, ready = c.ready + excluded.ready,
    dead = c.dead + excluded.dead, completed = c.completed + excluded.completed,
    attempts = c.attempts + excluded.attempts, attempt_ms = c.attempt_ms + excluded.attempt_ms;
  PERFORM agentlane.erase(ids);

  IF ids IS NULL THEN
    v_lanes := ARRAY(SELECT o.id FROM agentlane.lanes o WHERE o.tenant = p_tenant
      ORDER BY o.tenant, o.agent_id, o.session_id LIMIT p_limit FOR UPDATE);
    DELETE FROM agentlane.contexts c WHERE c.lane = ANY (v_lanes);
    GET DIAGNOSTICS v_sessions = ROW_COUNT;
    DELETE FROM agentlane.lanes l WHERE l.id = ANY (v_lanes);
    v_done := cardinality(v_lanes) < p_limit;
  END IF;
  IF v_done THEN
    INSERT INTO agentlane.closed_tenants (tenant, until_at) VALUES (p_tenant, v_at + closed_for_ms)
      ON CONFLICT (tenant) DO UPDATE SET until_at = excluded.until_at;
  END IF;
  RETURN json_build_object('done', v_done, 'tasks', v_tasks, 'canceled', v_canceled, 'sessions', v_sessions,
    'now', v_at, 'effects', effects || cancels);
END $$;

-- Deletes a tenant's API keys; answers their ids.
CREATE FUNCTION agentlane.forget_api_keys(p_tenant text) RETURNS SETOF text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN QUERY DELETE FROM agentlane.api_keys k WHERE k.tenant = p_tenant RETURNING k.key_id;
END $$;

-- The same as before, of tenants that are not closed. {outcome: CLOSED} otherwise.
CREATE OR REPLACE FUNCTION agentlane.create_task(
  p_tenant text, p_task_id text, p_idempotency_key text, p_digest text, p_strategy integer, p_queue text,
  p_max_queue_size bigint, p_deadline_in bigint, p_idempotency_ms bigint, p_agent_id text,
  p_session_id text, p_priority integer, p_metadata jsonb, p_submitted bytea, p_record bytea,
  p_headers text, p_change bytea, p_reason text, p_quota json DEFAULT NULL
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF agentlane.is_closed(p_tenant) THEN RETURN json_build_object('outcome', 'CLOSED'); END IF;
  RETURN agentlane.accept_task(true, p_tenant, p_task_id, p_idempotency_key, p_digest, p_strategy, p_queue,
    p_max_queue_size, p_deadline_in, p_idempotency_ms, p_agent_id, p_session_id, p_priority, p_metadata,
    p_submitted, p_record, p_headers, p_change, p_reason, p_quota);
END $$;

-- Accepts several tasks; arguments as create_task, at the same index. Near a queue's limit they are
-- accepted alone, where they wait for each other; so are those that cancel others (p_strategies >= 2).
CREATE OR REPLACE FUNCTION agentlane.create_tasks(
  p_tenants text[], p_task_ids text[], p_idempotency_keys text[], p_digests text[],
  p_strategies integer[], p_queues text[], p_max_queue_sizes bigint[], p_deadlines_in bigint[],
  p_idempotency_ms bigint[], p_agent_ids text[], p_session_ids text[], p_priorities integer[],
  p_metadata jsonb[], p_submitted bytea[], p_records bytea[], p_headers text[], p_changes bytea[],
  p_reasons text[], p_quotas json[] DEFAULT '{}'
) RETURNS SETOF json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  -- More than all batches of all processes that can be under way at once.
  margin constant bigint := 1000;
  v_count bigint;
  v_queue text := '';
  v_any_closed boolean := EXISTS (SELECT FROM agentlane.closed_tenants);
BEGIN
  PERFORM agentlane.count_later();
  FOR i IN 1 .. cardinality(p_task_ids) LOOP
    IF p_queues[i] <> v_queue THEN
      v_queue := p_queues[i];
      SELECT coalesce(sum(c.queued + c.running + c.retry_wait), 0) INTO v_count
        FROM agentlane.counts c WHERE c.queue = v_queue;
    END IF;
    IF v_any_closed AND agentlane.is_closed(p_tenants[i]) THEN
      RETURN NEXT json_build_object('outcome', 'CLOSED');
    ELSIF p_strategies[i] >= 2 OR v_count + margin >= p_max_queue_sizes[i] THEN
      RETURN NEXT agentlane.later();
    ELSE
      RETURN NEXT agentlane.accept_task(false, p_tenants[i], p_task_ids[i], p_idempotency_keys[i],
        p_digests[i], p_strategies[i], p_queues[i], p_max_queue_sizes[i], p_deadlines_in[i],
        p_idempotency_ms[i], p_agent_ids[i], p_session_ids[i], p_priorities[i], p_metadata[i],
        p_submitted[i], p_records[i], p_headers[i], p_changes[i], p_reasons[i], p_quotas[i]);
    END IF;
  END LOOP;
  PERFORM agentlane.count_together();
END $$;

ALTER FUNCTION agentlane.import_context(text, text, text, boolean, bytea, numeric, integer, text, text)
  RENAME TO import_open_context;
CREATE FUNCTION agentlane.import_context(
  p_tenant text, p_agent_id text, p_session_id text, p_overwrite boolean, p_context bytea,
  p_version numeric, p_message_count integer, p_created_at text, p_updated_at text
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF agentlane.is_closed(p_tenant) THEN RETURN json_build_object('outcome', 'CLOSED'); END IF;
  RETURN agentlane.import_open_context(p_tenant, p_agent_id, p_session_id, p_overwrite, p_context, p_version,
    p_message_count, p_created_at, p_updated_at);
END $$;

ALTER FUNCTION agentlane.schedule_tenant(text, integer, integer, bigint) RENAME TO schedule_open_tenant;
CREATE FUNCTION agentlane.schedule_tenant(p_tenant text, p_window integer, p_max_running integer, p_limit bigint)
RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF agentlane.is_closed(p_tenant) THEN
    RETURN json_build_object('now', agentlane.now_ms(), 'effects', '{}'::json[]);
  END IF;
  RETURN agentlane.schedule_open_tenant(p_tenant, p_window, p_max_running, p_limit);
END $$;

ALTER FUNCTION agentlane.add_api_key(text, text, bigint, bytea, integer, bigint) RENAME TO add_open_api_key;
CREATE FUNCTION agentlane.add_api_key(
  p_key_id text, p_tenant text, p_expires_at bigint, p_record bytea, p_max_count integer, p_forget_before bigint
) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF agentlane.is_closed(p_tenant)
      AND NOT EXISTS (SELECT FROM agentlane.api_keys k WHERE k.key_id = p_key_id) THEN
    RETURN 'CLOSED';
  END IF;
  RETURN agentlane.add_open_api_key(p_key_id, p_tenant, p_expires_at, p_record, p_max_count, p_forget_before);
END $$;

-- As before; and opens tenants whose time is over.
CREATE OR REPLACE FUNCTION agentlane.sweep_store(
  p_limit integer, p_unpublished_ms bigint, p_log_ms bigint, p_task_ms bigint, p_dead_ms bigint,
  p_session_ms bigint, p_change bytea
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM pg_advisory_xact_lock('agentlane.tenants'::regclass::oid::integer, 0);
  DELETE FROM agentlane.closed_tenants c WHERE c.until_at <= agentlane.now_ms();
  RETURN agentlane.sweep_all(p_limit, p_unpublished_ms, p_log_ms, p_task_ms, p_dead_ms, p_session_ms, p_change);
END $$;
