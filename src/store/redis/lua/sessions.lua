-- flags: no-writes
-- One step through a tenant's sessions, last used first.
--
-- KEYS[1] root. ARGV: 1 tenant · 2 upper bound of the order as ZREVRANGEBYSCORE takes it · 3 limit
-- Returns for each {"agent:session", order, version, message count, created, updated}.
-- Invariant: reads only.
local found = redis.call('ZREVRANGEBYSCORE', root .. ':su:' .. ARGV[1], ARGV[2], '-inf', 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local answers = {}
for i = 1, #found, 2 do
  local key = root .. ':s:' .. ARGV[1] .. ':' .. found[i]
  local f = redis.call('HMGET', key, 'v', 'm', 'ca', 'ua')
  answers[#answers + 1] = { found[i], found[i + 1], f[1], f[2], f[3], f[4] }
end
return answers
