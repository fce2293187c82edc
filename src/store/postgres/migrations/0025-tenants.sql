-- What tenants have, and which of their ready tasks ring. Tasks that were accepted without a quota (no
-- quota_level) do not come here.
--
-- Invariant: a ready task of a tenant is ready and counted as rung, or held; after a call nothing is held
-- that may ring.
-- Order of locks: a tenant's row comes after lanes and tasks, and before counts. Who has it locks other
-- tasks only where nobody else has them. Batches wait for no tenant's row, and sweeps, which alone go over
-- several tenants and wait, go one by one.

-- quota_level: the priority, NULL without a quota. quota_bytes: of the request. held_since: NULL = not held.
ALTER TABLE agentlane.tasks
  ADD COLUMN quota_level smallint, ADD COLUMN quota_bytes bigint, ADD COLUMN held_since bigint;
CREATE INDEX tasks_held ON agentlane.tasks (tenant, queue, quota_level, held_since, id)
  WHERE held_since IS NOT NULL;

-- Of the context, as counted for the tenant.
ALTER TABLE agentlane.contexts ADD COLUMN counted_bytes bigint NOT NULL DEFAULT 0;

-- Tenants that had a task with a quota.
CREATE TABLE agentlane.tenants (
  tenant text COLLATE "C" PRIMARY KEY,
  -- Ready tasks that ring at once in each queue.
  places integer NOT NULL,
  -- Null = any number.
  max_running integer,
  queued bigint NOT NULL DEFAULT 0,
  running bigint NOT NULL DEFAULT 0,
  stored_bytes bigint NOT NULL DEFAULT 0,
  -- Days of UTC since 1970, and what was used on that day.
  token_day integer NOT NULL DEFAULT 0,
  tokens bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 1000);

-- A tenant's ready tasks of a queue.
CREATE TABLE agentlane.tenant_lines (
  tenant text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  rung bigint NOT NULL DEFAULT 0,
  held bigint NOT NULL DEFAULT 0,
  -- Whose turn it is: of those that have risen to the highest level, or of those that are of it.
  risens_turn boolean NOT NULL DEFAULT true,
  PRIMARY KEY (tenant, queue)
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 1000);
CREATE INDEX tenant_lines_held ON agentlane.tenant_lines (tenant) WHERE held > 0;

-- Days of UTC since 1970.
CREATE FUNCTION agentlane.day_of(p_at bigint) RETURNS integer LANGUAGE sql IMMUTABLE AS
  $$ SELECT (p_at / 86400000)::integer $$;

-- Moves a task between the counts of its tenant (0 = none), whose row it locks.
CREATE FUNCTION agentlane.tally_tenant(p_tenant text, p_was integer, p_state integer)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE agentlane.tenants n SET
    queued = n.queued + (p_state IN (1, 3))::int - (p_was IN (1, 3))::int,
    running = n.running + (p_state = 2)::int - (p_was = 2)::int
  WHERE n.tenant = p_tenant;
END $$;

-- Counts ready tasks. The caller has locked the tenant's row.
CREATE FUNCTION agentlane.tally_line(p_tenant text, p_queue text, p_rung bigint, p_held bigint)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  INSERT INTO agentlane.tenant_lines AS l (tenant, queue, rung, held) VALUES (p_tenant, p_queue, p_rung, p_held)
  ON CONFLICT (tenant, queue) DO UPDATE SET rung = l.rung + excluded.rung, held = l.held + excluded.held;
END $$;

-- The next to ring of a line: the head of the highest level, in turn with the longest held of those that
-- have risen to it (held-order.ts). Null when nothing is held that others are not at work on: they let
-- ring what may ring when they are done.
CREATE FUNCTION agentlane.next_held(l agentlane.tenant_lines, p_at bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  ageing_ms constant bigint := 15000;
  head record;
  v_top bigint;
  v_top_level integer;
  v_risen bigint;
  v_since bigint;
  v_turn boolean;
BEGIN
  FOR v_level IN REVERSE 4..1 LOOP
    SELECT o.id, o.held_since INTO head FROM agentlane.tasks o
      WHERE o.tenant = l.tenant AND o.queue = l.queue AND o.quota_level = v_level AND o.held_since IS NOT NULL
      ORDER BY o.held_since, o.id LIMIT 1 FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    IF v_top IS NULL THEN
      v_top := head.id;
      v_top_level := v_level;
    ELSIF v_level + (p_at - head.held_since) / ageing_ms >= v_top_level
        AND (v_risen IS NULL OR head.held_since < v_since) THEN
      v_risen := head.id;
      v_since := head.held_since;
    END IF;
  END LOOP;
  IF v_risen IS NULL THEN RETURN v_top; END IF;
  UPDATE agentlane.tenant_lines o SET risens_turn = NOT o.risens_turn
    WHERE o.tenant = l.tenant AND o.queue = l.queue RETURNING NOT o.risens_turn INTO v_turn;
  RETURN CASE WHEN v_turn THEN v_risen ELSE v_top END;
END $$;

-- Lets ring what may of a tenant's held tasks, at most p_limit. Answers their doorbells.
CREATE FUNCTION agentlane.let_ring(p_tenant text, p_at bigint, p_limit bigint DEFAULT 1000000)
RETURNS json[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  bells json[] := '{}';
  n agentlane.tenants;
  l agentlane.tenant_lines;
  v_places bigint;
  v_rung bigint;
  v_id bigint;
BEGIN
  SELECT * INTO n FROM agentlane.tenants o WHERE o.tenant = p_tenant FOR UPDATE;
  FOR l IN SELECT * FROM agentlane.tenant_lines o WHERE o.tenant = p_tenant AND o.held > 0 ORDER BY o.queue LOOP
    v_places := least(n.places, n.max_running - n.running) - l.rung;
    v_rung := 0;
    WHILE v_rung < least(v_places, p_limit) LOOP
      v_id := agentlane.next_held(l, p_at);
      EXIT WHEN v_id IS NULL;
      UPDATE agentlane.tasks SET ready = true, held_since = NULL WHERE id = v_id;
      bells := bells || agentlane.ring(v_id, p_at);
      v_rung := v_rung + 1;
    END LOOP;
    CONTINUE WHEN v_rung = 0;
    p_limit := p_limit - v_rung;
    PERFORM agentlane.tally_line(p_tenant, l.queue, v_rung, -v_rung);
    PERFORM agentlane.tally(l.queue, 0, 0, v_rung::integer, 0);
  END LOOP;
  RETURN bells;
END $$;

-- Makes the head of a lane ready, which is QUEUED and not yet ready. Answers doorbells.
CREATE FUNCTION agentlane.become_ready(head agentlane.tasks, p_at bigint) RETURNS json[]
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF head.quota_level IS NULL THEN
    UPDATE agentlane.tasks SET ready = true WHERE id = head.id;
    PERFORM agentlane.tally(head.queue, 0, 0, 1, 0);
    RETURN ARRAY[agentlane.ring(head.id, p_at)];
  END IF;
  PERFORM FROM agentlane.tenants o WHERE o.tenant = head.tenant FOR UPDATE;
  UPDATE agentlane.tasks SET held_since = p_at WHERE id = head.id;
  PERFORM agentlane.tally_line(head.tenant, head.queue, 0, 1);
  RETURN agentlane.let_ring(head.tenant, p_at);
END $$;

-- Whether the tenant of a ready task may run no more; the task is then held.
CREATE FUNCTION agentlane.parked(t agentlane.tasks, p_at bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  n agentlane.tenants;
BEGIN
  IF t.quota_level IS NULL THEN RETURN false; END IF;
  SELECT * INTO n FROM agentlane.tenants o WHERE o.tenant = t.tenant FOR UPDATE;
  IF n.max_running IS NULL OR n.running < n.max_running THEN RETURN false; END IF;
  UPDATE agentlane.tasks SET ready = false, held_since = p_at WHERE id = t.id;
  DELETE FROM agentlane.doorbells WHERE task = t.id;
  PERFORM agentlane.tally_line(t.tenant, t.queue, -1, 1);
  PERFORM agentlane.tally(t.queue, 0, 0, -1, 0);
  RETURN true;
END $$;

-- The first limit that one more task would exceed, as quota.ts says; null when there is none. Locks the
-- tenant's row and gives it the limits.
--
-- p_quota {bytes, window, maxRunningTasks, maxQueuedTasks, maxLiveSessions, maxTokensPerDay,
-- maxStoredBytes}: null = any · p_lane null for a stateless task or a session that is not known ·
-- p_clears: the lane's waiting tasks are about to be canceled
CREATE FUNCTION agentlane.over_quota(
  p_tenant text, p_quota json, p_session_id text, p_lane bigint, p_clears boolean
) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  n agentlane.tenants;
  v_most bigint;
  v_count bigint;
BEGIN
  INSERT INTO agentlane.tenants AS o (tenant, places, max_running)
    VALUES (p_tenant, (p_quota ->> 'window')::integer, (p_quota ->> 'maxRunningTasks')::integer)
  ON CONFLICT (tenant) DO UPDATE SET places = excluded.places, max_running = excluded.max_running
  RETURNING * INTO n;
  IF n.token_day <> agentlane.day_of(agentlane.now_ms()) THEN n.tokens := 0; END IF;
  IF n.tokens + 1 > (p_quota ->> 'maxTokensPerDay')::bigint THEN RETURN 'tokensPerDay'; END IF;
  IF n.stored_bytes + (p_quota ->> 'bytes')::bigint > (p_quota ->> 'maxStoredBytes')::bigint THEN
    RETURN 'storedBytes';
  END IF;
  v_most := (p_quota ->> 'maxLiveSessions')::bigint;
  IF v_most IS NOT NULL AND p_session_id <> ''
      AND NOT EXISTS (SELECT FROM agentlane.contexts c WHERE c.lane = p_lane)
      AND NOT EXISTS (SELECT FROM agentlane.tasks o WHERE o.lane = p_lane AND o.lane_order IS NOT NULL) THEN
    SELECT count(*) INTO v_count FROM (
      SELECT FROM agentlane.contexts c WHERE c.tenant = p_tenant LIMIT v_most) k;
    IF v_count >= v_most THEN RETURN 'liveSessions'; END IF;
  END IF;
  v_most := (p_quota ->> 'maxQueuedTasks')::bigint;
  IF v_most IS NULL OR n.queued < v_most THEN RETURN NULL; END IF;
  SELECT count(*) INTO v_count FROM agentlane.tasks o WHERE p_clears AND o.lane = p_lane
    AND o.lane_order IS NOT NULL AND o.quota_level IS NOT NULL AND o.state <> 2;
  RETURN CASE WHEN n.queued - v_count >= v_most THEN 'queuedTasks' END;
END $$;

-- Counts the tokens of an attempt that has ended.
CREATE FUNCTION agentlane.count_tokens(t agentlane.tasks, p_tokens bigint, p_at bigint)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  today integer := agentlane.day_of(p_at);
BEGIN
  IF t.quota_level IS NULL OR p_tokens = 0 THEN RETURN; END IF;
  UPDATE agentlane.tenants n SET token_day = today,
    tokens = p_tokens + CASE WHEN n.token_day = today THEN n.tokens ELSE 0 END
  WHERE n.tenant = t.tenant;
END $$;

-- What a tenant has; null = nothing.
CREATE FUNCTION agentlane.tenant_usage(p_tenant text) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  n agentlane.tenants;
BEGIN
  SELECT * INTO n FROM agentlane.tenants o WHERE o.tenant = p_tenant;
  RETURN json_build_object('queued', n.queued, 'running', n.running, 'stored_bytes', n.stored_bytes,
    'tokens', CASE WHEN n.token_day = agentlane.day_of(agentlane.now_ms()) THEN n.tokens END,
    'held', (SELECT sum(l.held)::bigint FROM agentlane.tenant_lines l WHERE l.tenant = p_tenant),
    'sessions', (SELECT count(*) FROM agentlane.contexts c WHERE c.tenant = p_tenant));
END $$;

-- Replaces what a tenant may have at once, and lets ring what may ring now, at most p_limit tasks.
--
-- p_max_running null = any number
-- Answers {now, effects}.
-- Invariant: idempotent.
CREATE FUNCTION agentlane.schedule_tenant(p_tenant text, p_window integer, p_max_running integer, p_limit bigint)
RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_at bigint;
BEGIN
  INSERT INTO agentlane.tenants (tenant, places, max_running) VALUES (p_tenant, p_window, p_max_running)
    ON CONFLICT (tenant) DO UPDATE SET places = excluded.places, max_running = excluded.max_running;
  v_at := agentlane.now_ms();
  RETURN json_build_object('now', v_at, 'effects', agentlane.let_ring(p_tenant, v_at, p_limit));
END $$;

-- What is deleted does not count any more.
CREATE FUNCTION agentlane.uncount_context() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE agentlane.tenants n SET stored_bytes = n.stored_bytes - OLD.counted_bytes WHERE n.tenant = OLD.tenant;
  RETURN NULL;
END $$;
CREATE TRIGGER uncount_context AFTER DELETE ON agentlane.contexts
  FOR EACH ROW WHEN (OLD.counted_bytes > 0) EXECUTE FUNCTION agentlane.uncount_context();

CREATE FUNCTION agentlane.uncount_task() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE agentlane.tenants n SET stored_bytes = n.stored_bytes - OLD.quota_bytes WHERE n.tenant = OLD.tenant;
  RETURN NULL;
END $$;
CREATE TRIGGER uncount_task AFTER DELETE ON agentlane.tasks
  FOR EACH ROW WHEN (OLD.quota_bytes IS NOT NULL) EXECUTE FUNCTION agentlane.uncount_task();
