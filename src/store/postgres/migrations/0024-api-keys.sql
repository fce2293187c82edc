-- API keys, hashed. Instants are those of the processes, see credential-contract.ts.
CREATE TABLE agentlane.api_keys (
  key_id text COLLATE "C" PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  -- Null = never.
  expires_at bigint,
  revoked_at bigint,
  used_at bigint,
  -- ApiKeyRecord as it was made.
  record bytea NOT NULL
);

-- Keeps a new key and forgets those that died before p_forget_before.
--
-- Answers EXISTS (another key has the id) · FULL · OK.
-- Invariant: never more than p_max_count; a repeat changes nothing.
CREATE FUNCTION agentlane.add_api_key(
  p_key_id text, p_tenant text, p_expires_at bigint, p_record bytea, p_max_count integer, p_forget_before bigint
) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_record bytea;
BEGIN
  -- One at a time, so that the count holds. Reads and revocations pass.
  LOCK TABLE agentlane.api_keys IN SHARE UPDATE EXCLUSIVE MODE;
  SELECT k.record INTO v_record FROM agentlane.api_keys k WHERE k.key_id = p_key_id;
  IF FOUND THEN RETURN CASE WHEN v_record = p_record THEN 'OK' ELSE 'EXISTS' END; END IF;
  DELETE FROM agentlane.api_keys k WHERE k.revoked_at < p_forget_before OR k.expires_at < p_forget_before;
  IF (SELECT count(*) FROM agentlane.api_keys) >= p_max_count THEN RETURN 'FULL'; END IF;
  INSERT INTO agentlane.api_keys (key_id, tenant, expires_at, record)
    VALUES (p_key_id, p_tenant, p_expires_at, p_record);
  RETURN 'OK';
END $$;

-- Answers the key, null for an unknown one. Invariant: the first revocation stands.
CREATE FUNCTION agentlane.revoke_api_key(p_key_id text, p_at bigint)
RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE agentlane.api_keys k SET revoked_at = p_at WHERE k.key_id = p_key_id AND k.revoked_at IS NULL;
  RETURN (SELECT to_json(k) FROM agentlane.api_keys k WHERE k.key_id = p_key_id);
END $$;

-- Invariant: the latest use stands. It may be forgotten when the server dies.
CREATE FUNCTION agentlane.use_api_key(p_key_id text, p_at bigint)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE agentlane.api_keys k SET used_at = p_at WHERE k.key_id = p_key_id AND coalesce(k.used_at, 0) < p_at;
END $$;
