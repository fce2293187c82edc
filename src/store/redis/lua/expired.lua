-- flags: no-writes
-- Running tasks whose lease has ended, oldest first, as many as have their records looked at for a
-- number of bytes, the first of them at least.
--
-- KEYS[1] root. ARGV: 1 limit · 2 most bytes
-- Returns for each {task, shown task, r without its request, h, instant its lease ended}.
-- Invariant: reads only.
local found = redis.call('ZRANGEBYSCORE', root .. ':leases', '-inf', now, 'WITHSCORES', 'LIMIT', 0, ARGV[1])
local answers, left = {}, tonumber(ARGV[2])
for i = 1, #found, 2 do
  local key = root .. ':t:' .. found[i]
  left = left - redis.call('HSTRLEN', key, 'r')
  if left < 0 and #answers > 0 then break end
  local f = redis.call('HMGET', key, 'r', 'h')
  if f[1] then answers[#answers + 1] = { found[i], shown(found[i]), withoutRequest(f[1]), f[2] or '', found[i + 1] } end
end
return answers
