-- flags: no-writes
-- What a tenant has.
--
-- KEYS[1] root. ARGV: 1 tenant
-- Returns {queued, running, held, sessions, tokens of today, stored bytes}.
-- Invariant: reads only.
local tenant = ARGV[1]
local f = redis.call('HMGET', root .. ':tn:' .. tenant, 'q', 'r', 'd', 'k', 'b')
local held = 0
for _, queue in ipairs(redis.call('SMEMBERS', root .. ':tq:' .. tenant)) do
  held = held + redis.call('ZCARD', root .. ':th:' .. tenant .. ':' .. queue)
end
local isToday = tonumber(f[3] or '-1') == today()
return {
  f[1] or '0', f[2] or '0', held, redis.call('ZCARD', root .. ':su:' .. tenant), isToday and f[4] or '0', f[5] or '0',
}
