-- Notes when an API key was used.
--
-- KEYS[1] root. ARGV: 1 key id · 2 instant
-- Returns nothing of interest.
-- Invariant: the latest use stands.
local key = root .. ':ak:' .. ARGV[1]
if redis.call('EXISTS', key) == 0 then return 0 end
local used = tonumber(redis.call('HGET', key, 'u') or '0')
if used < tonumber(ARGV[2]) then redis.call('HSET', key, 'u', ARGV[2]) end
return 1
