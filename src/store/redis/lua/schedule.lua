-- flags: allow-oom
-- Replaces what a tenant may have at once, and lets ring what may ring now.
--
-- KEYS[1] root. ARGV: 1 tenant · 2 window · 3 most running tasks, '' = any · 4 most doorbells
-- Returns {now, bells}.
-- Invariant: idempotent.
if isClosed(ARGV[1]) then return { now, bells } end
redis.call('HSET', root .. ':tn:' .. ARGV[1], 'w', ARGV[2], 'm', ARGV[3])
letRing(ARGV[1], tonumber(ARGV[4]))
return { now, bells }
