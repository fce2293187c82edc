-- flags: no-writes
-- The task that was submitted with an idempotency key.
--
-- KEYS[1] root. ARGV: 1 idempotency key as "tenant:key"
-- Returns nil · the task.
-- Invariant: reads only.
local known = redis.call('GET', root .. ':k:' .. ARGV[1])
if not known then return false end
local expiresAt, task = string.match(known, '^(%S+) (%S+)')
if tonumber(expiresAt) <= now or not read(task) then return false end
return task
