-- flags: allow-oom
-- The worker tells that it has what it was handed, and the span of the attempt. Its lease begins anew.
--
-- KEYS[1] root. ARGV: 1 task · 2 fence · 3 lease ms · 4 span id
-- Returns 1, or 0 when the lease is not valid any more.
-- Invariant: idempotent; changes nothing of an attempt but its span, and its lease.
local task = ARGV[1]
local t = read(task)
if not t or t.st ~= RUNNING or t.f ~= tonumber(ARGV[2]) then return 0 end
local attempts = cmsgpack.unpack(redis.call('HGET', root .. ':t:' .. task, 'a'))
attempts[#attempts][6] = ARGV[4]
t.uc = nil
redis.call('ZADD', root .. ':leases', now + tonumber(ARGV[3]), task)
keep(task, t, 'a', cmsgpack.pack(attempts))
return 1
