-- flags: allow-oom
-- Cancels a task by id or idempotency key.
--
-- KEYS[1] root. ARGV: 1 task or '' · 2 idempotency key as "tenant:key" or '' · 3 mode · 4 reason ·
-- 5 TaskStateChange of the cancel
-- Returns {'NONE'} · {'OK', now, task, shown task, notices, bells}.
-- Invariant: idempotent; a terminal task stays as it is.
local task = ARGV[1]
if task == '' then
  local known = redis.call('GET', root .. ':k:' .. ARGV[2])
  if not known then return { 'NONE' } end
  local expiresAt, named = string.match(known, '^(%S+) (%S+)')
  if tonumber(expiresAt) <= now then return { 'NONE' } end
  task = named
end
local t = read(task)
if not t then return { 'NONE' } end
cancelTask(task, t, tonumber(ARGV[3]), ARGV[4], ARGV[5])
return { 'OK', now, task, shown(task), notices, bells }
