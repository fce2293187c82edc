-- Keeps a new API key and forgets those that died long ago.
--
-- KEYS[1] root. ARGV: 1 key id · 2 tenant · 3 instant it expires at, or '' · 4 record · 5 most keys ·
-- 6 forget those that died before this instant
-- Returns 'OK' · 'EXISTS' · 'FULL' · 'CLOSED'.
-- Invariant: never more than there may be; a repeat changes nothing.
local id, key = ARGV[1], root .. ':ak:' .. ARGV[1]
local known = redis.call('HGET', key, 'x')
if known then return known == ARGV[4] and 'OK' or 'EXISTS' end
if isClosed(ARGV[2]) then return 'CLOSED' end
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', root .. ':aks-dead', '-inf', '(' .. ARGV[6])) do
  redis.call('DEL', root .. ':ak:' .. dead)
  redis.call('ZREM', root .. ':aks', dead)
  redis.call('ZREM', root .. ':aks-dead', dead)
end
if redis.call('ZCARD', root .. ':aks') >= tonumber(ARGV[5]) then return 'FULL' end
redis.call('HSET', key, 'x', ARGV[4], 't', ARGV[2])
redis.call('ZADD', root .. ':aks', 0, id)
if ARGV[3] ~= '' then redis.call('ZADD', root .. ':aks-dead', ARGV[3], id) end
return 'OK'
