-- Milliseconds until the next retry or deadline; null = none. Where nothing was due, the one before
-- answered 0, because greatest() ignores nulls, and processes swept again at once, without end.
CREATE OR REPLACE FUNCTION agentlane.next_due(p_at bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_due bigint;
BEGIN
  SELECT min(due_at) INTO v_due FROM agentlane.tasks WHERE due_at IS NOT NULL;
  RETURN CASE WHEN v_due IS NOT NULL THEN greatest(0, v_due - p_at) END;
END $$;
