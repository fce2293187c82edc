-- Cancels a task by id, or by idempotency key where p_task_id is ''.
--
-- p_mode CancelMode · p_change TaskStateChange of the cancel
-- Answers {outcome: NONE} · {OK, now, task, effects}.
-- Invariant: idempotent; a terminal task stays as it is.
CREATE FUNCTION agentlane.cancel_task(
  p_tenant text, p_task_id text, p_idempotency_key text, p_mode integer, p_reason text, p_change bytea
) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  t agentlane.tasks;
  v_at bigint;
  effects json[];
BEGIN
  IF p_task_id = '' THEN
    SELECT s.task_id INTO p_task_id FROM agentlane.keys k JOIN agentlane.submissions s ON s.id = k.task
      WHERE k.tenant = p_tenant AND k.key = p_idempotency_key AND k.expires_at > agentlane.now_ms();
  END IF;
  t := agentlane.locked(p_tenant, p_task_id);
  IF t.id IS NULL THEN RETURN json_build_object('outcome', 'NONE'); END IF;
  v_at := agentlane.now_ms();
  effects := agentlane.cancel_one(t, p_mode, p_reason, p_change, v_at);
  RETURN json_build_object('outcome', 'OK', 'now', v_at, 'task', agentlane.shown(t.id), 'effects', effects);
END $$;
