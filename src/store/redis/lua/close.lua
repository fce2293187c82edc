-- Accepts nothing new of a tenant from here on.
--
-- KEYS[1] root. ARGV: 1 tenant
-- Invariant: idempotent.
redis.call('ZADD', root .. ':closed', being_deleted, ARGV[1])
-- Nobody is to be rung for only to be canceled.
local key = root .. ':tn:' .. ARGV[1]
if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, 'w', 0) end
return 'OK'
