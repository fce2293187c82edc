-- Deleting what has ended. The caller holds the locks of agentlane.locked.

-- Deletes a lane that holds neither task nor context any more.
CREATE FUNCTION agentlane.drop_lane(p_lane bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  DELETE FROM agentlane.lanes l WHERE l.id = p_lane
    AND NOT EXISTS (SELECT FROM agentlane.submissions s WHERE s.lane = p_lane)
    AND NOT EXISTS (SELECT FROM agentlane.contexts c WHERE c.lane = p_lane);
END $$;

-- Deletes a terminal task and all that names it.
CREATE FUNCTION agentlane.forget(t agentlane.tasks) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  DELETE FROM agentlane.keys WHERE task = t.id;
  DELETE FROM agentlane.events WHERE task = t.id;
  DELETE FROM agentlane.tasks WHERE id = t.id;
  DELETE FROM agentlane.submissions WHERE id = t.id;
  IF t.state = 6 THEN PERFORM agentlane.tally(t.queue, 0, 0, 0, -1); END IF;
  IF t.lane IS NOT NULL THEN PERFORM agentlane.drop_lane(t.lane); END IF;
END $$;

-- Locks a task and its lane where nobody else has them. All columns are null otherwise.
CREATE FUNCTION agentlane.locked_if_free(p_id bigint) RETURNS agentlane.tasks
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_lane bigint;
  t agentlane.tasks;
BEGIN
  SELECT s.lane INTO v_lane FROM agentlane.submissions s WHERE s.id = p_id;
  IF v_lane IS NOT NULL THEN
    PERFORM FROM agentlane.lanes l WHERE l.id = v_lane FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN RETURN t; END IF;
  END IF;
  SELECT * INTO t FROM agentlane.tasks WHERE id = p_id FOR UPDATE SKIP LOCKED;
  RETURN t;
END $$;
