-- flags: no-writes
-- Running tasks whose lease has ended, oldest first.
--
-- KEYS[1] root. ARGV: 1 limit
-- Returns for each {task, shown task, r, h, instant its lease ended}.
-- Invariant: reads only.
local found = redis.call('ZRANGEBYSCORE', root .. ':leases', '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
local answers = {}
for i = 1, #found, 2 do
  local f = redis.call('HMGET', root .. ':t:' .. found[i], 'r', 'h')
  if f[1] then answers[#answers + 1] = { found[i], shown(found[i]), f[1], f[2] or '', found[i + 1] } end
end
return answers
