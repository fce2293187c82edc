-- flags: allow-oom
-- Revokes an API key.
--
-- KEYS[1] root. ARGV: 1 key id · 2 instant
-- Returns {record, revoked, used} as keylist.lua, empty for an unknown key.
-- Invariant: the first revocation stands.
local id, key = ARGV[1], root .. ':ak:' .. ARGV[1]
if redis.call('EXISTS', key) == 0 then return {} end
if redis.call('HSETNX', key, 'r', ARGV[2]) == 1 then redis.call('ZADD', root .. ':aks-dead', 'LT', ARGV[2], id) end
return redis.call('HMGET', key, 'x', 'r', 'u')
