-- What the sweeper is told of an expired lease is bounded in bytes, and leaves out what was asked of the
-- agent: requests may have megabytes.

-- The number at a position of a Protobuf message, and the position after it.
CREATE FUNCTION agentlane.varint(p_bytes bytea, p_at integer, OUT value bigint, OUT next integer)
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  v_byte integer;
  v_shift integer := 0;
BEGIN
  value := 0;
  next := p_at;
  LOOP
    v_byte := get_byte(p_bytes, next);
    next := next + 1;
    value := value | ((v_byte & 127)::bigint << v_shift);
    EXIT WHEN v_byte < 128;
    v_shift := v_shift + 7;
  END LOOP;
END $$;

-- A TaskRecord but for its request (field 3), which may be nearly all of it.
CREATE FUNCTION agentlane.without_request(p_record bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  -- Unpacked once: otherwise every look at a byte would unpack all.
  v_record bytea := p_record || ''::bytea;
  v_kept bytea := '';
  v_from integer;
  v_at integer := 0;
  v_tag bigint;
  v_size bigint;
BEGIN
  WHILE v_at < octet_length(v_record) LOOP
    v_from := v_at;
    SELECT n.value, n.next INTO v_tag, v_at FROM agentlane.varint(v_record, v_at) n;
    CASE v_tag & 7
      WHEN 0 THEN SELECT n.next INTO v_at FROM agentlane.varint(v_record, v_at) n;
      WHEN 1 THEN v_at := v_at + 8;
      WHEN 5 THEN v_at := v_at + 4;
      ELSE
        SELECT n.value, n.next INTO v_size, v_at FROM agentlane.varint(v_record, v_at) n;
        v_at := v_at + v_size;
    END CASE;
    IF v_tag >> 3 <> 3 THEN
      v_kept := v_kept || substring(v_record FROM v_from + 1 FOR v_at - v_from);
    END IF;
  END LOOP;
  RETURN v_kept;
END $$;

-- Running tasks whose lease has ended, oldest first: as many as have records of 2 MiB, one at least.
CREATE OR REPLACE FUNCTION agentlane.expired_leases(p_limit integer) RETURNS SETOF json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_at bigint := agentlane.now_ms();
  v_id bigint;
  v_left bigint := 2 * 1024 * 1024;
  v_count integer := 0;
  r agentlane.task_records;
BEGIN
  FOR v_id IN SELECT o.id FROM agentlane.tasks o WHERE o.lease_expires_at <= v_at
      ORDER BY o.lease_expires_at LIMIT p_limit LOOP
    SELECT * INTO r FROM agentlane.task_records v WHERE v.id = v_id;
    CONTINUE WHEN NOT FOUND;
    v_left := v_left - octet_length(r.record);
    EXIT WHEN v_left < 0 AND v_count > 0;
    v_count := v_count + 1;
    r.record := agentlane.without_request(r.record);
    RETURN NEXT to_json(r);
  END LOOP;
END $$;
