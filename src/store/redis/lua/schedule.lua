-- flags: allow-oom
-- Replaces what a tenant may have at once, and lets ring what may ring now.
--
-- KEYS[1] root. ARGV: 1 tenant · 2 window · 3 most running tasks, '' = any · 4 most doorbells
-- Returns {now, bells}.
-- Invariant: a tenant that never had a task with a quota stays unknown.
local key = root .. ':tn:' .. ARGV[1]
if redis.call('EXISTS', key) == 1 then
  redis.call('HSET', key, 'w', ARGV[2], 'm', ARGV[3])
  letRing(ARGV[1], tonumber(ARGV[4]))
end
return { now, bells }
