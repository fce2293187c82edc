-- flags: no-writes
-- Doorbells of a queue's ready tasks by task id.
--
-- KEYS[1] root. ARGV: 1 queue · 2 lower bound as ZRANGEBYLEX takes it · 3 limit
-- Returns {now, bells}.
-- Invariant: reads only.
for _, name in ipairs(redis.call('ZRANGEBYLEX', root .. ':qr:' .. ARGV[1], ARGV[2], '+', 'LIMIT', 0, ARGV[3])) do
  local taskId, tenant = string.match(name, '^(%S*) (%S*)$')
  local task = tenant .. ':' .. taskId
  local t = read(task)
  if t then bells[#bells + 1] = bellOf(task, t) end
end
return { now, bells }
