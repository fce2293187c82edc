-- Several operations of one kind in one statement and one commit (group-commit.ts): each is what its
-- function does alone, in the order in which they are given, and has an answer of its own.
--
-- An operation of a batch waits for nobody's locks. One that would have to is answered {outcome: LATER}, has
-- had no effect, and is called alone. So no two batches wait for each other, whatever they hold, and what
-- somebody else holds for long keeps only those waiting that need it.

-- The part of a queue's figures that this connection writes: no other one does while it lives, so that no
-- transaction waits for another's counts. Releases before have shards below 64.
CREATE FUNCTION agentlane.shard() RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_known text := current_setting('agentlane_counts.shard', true);
  v_shard integer := 64;
BEGIN
  IF v_known <> '' THEN RETURN v_known; END IF;
  -- Of the session, not of the transaction; the one that asks first takes the lowest that is free.
  WHILE NOT pg_try_advisory_lock('agentlane.workers'::regclass::oid::integer, v_shard) LOOP
    v_shard := v_shard + 1;
  END LOOP;
  PERFORM set_config('agentlane_counts.shard', v_shard::text, false);
  RETURN v_shard;
END $$;

CREATE OR REPLACE FUNCTION agentlane.tally(
  p_queue text, p_was integer, p_state integer, p_ready integer, p_dead integer,
  p_attempts integer DEFAULT 0, p_attempt_ms bigint DEFAULT 0
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  moved boolean := p_was <> p_state;
BEGIN
  INSERT INTO agentlane.counts AS c (queue, shard, queued, running, retry_wait, ready, dead, completed,
    failed, attempts, attempt_ms)
  VALUES (p_queue, agentlane.shard(),
    (moved AND p_state = 1)::int - (moved AND p_was = 1)::int,
    (moved AND p_state = 2)::int - (moved AND p_was = 2)::int,
    (moved AND p_state = 3)::int - (moved AND p_was = 3)::int,
    p_ready, p_dead, (moved AND p_state IN (4, 5, 7))::int, (moved AND p_state = 6)::int,
    p_attempts, p_attempt_ms)
  ON CONFLICT (queue, shard) DO UPDATE SET
    queued = c.queued + excluded.queued, running = c.running + excluded.running,
    retry_wait = c.retry_wait + excluded.retry_wait, ready = c.ready + excluded.ready,
    dead = c.dead + excluded.dead, completed = c.completed + excluded.completed,
    failed = c.failed + excluded.failed, attempts = c.attempts + excluded.attempts,
    attempt_ms = c.attempt_ms + excluded.attempt_ms;
END $$;

-- Locks a task and its lane where nobody else has them; state 0 otherwise. All columns are null when
-- there is none.
CREATE FUNCTION agentlane.locked_at_once(p_tenant text, p_task_id text) RETURNS agentlane.tasks
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_id bigint;
  v_lane bigint;
  t agentlane.tasks;
BEGIN
  SELECT s.id, s.lane INTO v_id, v_lane FROM agentlane.submissions s
    WHERE s.tenant = p_tenant AND s.task_id = p_task_id;
  IF v_id IS NULL THEN RETURN t; END IF;
  IF v_lane IS NOT NULL THEN
    PERFORM FROM agentlane.lanes l WHERE l.id = v_lane FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
      t.state := 0;
      RETURN t;
    END IF;
  END IF;
  SELECT * INTO t FROM agentlane.tasks WHERE id = v_id FOR UPDATE SKIP LOCKED;
  IF t.id IS NULL THEN t.state := 0; END IF;
  RETURN t;
END $$;

CREATE FUNCTION agentlane.later() RETURNS json LANGUAGE sql IMMUTABLE AS
  $$ SELECT '{"outcome": "LATER"}'::json $$;
