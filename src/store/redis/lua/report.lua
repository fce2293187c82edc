-- flags: allow-oom
-- A worker's report.
--
-- KEYS[1] root. ARGV: 1 worker · 2 ttl ms · 3 Worker · 4 count of removed instances · their names as
-- "tenant session" · then name and Instance of each changed one
-- Returns {1 if the worker was known, now}.
-- Invariant: an instance is listed exactly while its worker is.
dropSilentWorkers()
local worker = ARGV[1]
local removed = tonumber(ARGV[4])
local known = redis.call('HEXISTS', root .. ':worker', worker)
local held = root .. ':wi:' .. worker
for i = 5, 4 + removed do
  local tenant, session = string.match(ARGV[i], '^(%S*) (.*)$')
  redis.call('HDEL', held, ARGV[i])
  redis.call('ZREM', root .. ':ix:' .. tenant, session .. ' ' .. worker)
end
for i = 5 + removed, #ARGV, 2 do
  local tenant, session = string.match(ARGV[i], '^(%S*) (.*)$')
  redis.call('HSET', held, ARGV[i], ARGV[i + 1])
  redis.call('ZADD', root .. ':ix:' .. tenant, 0, session .. ' ' .. worker)
end
redis.call('HSET', root .. ':worker', worker, struct.pack('>d', now) .. ARGV[3])
redis.call('ZADD', root .. ':workers', now + tonumber(ARGV[2]), worker)
return { known, now }
