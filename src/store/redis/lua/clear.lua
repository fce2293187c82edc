-- flags: allow-oom
-- A step of deleting what is kept of a closed tenant, API keys excepted: Redis answers nobody else meanwhile.
--
-- KEYS[1] root. ARGV: 1 tenant · 2 TaskStateChange and 3 TaskError of the cancels · 4 their reason ·
-- 5 AttemptOutcome CANCELED · 6 most tasks and sessions
-- Returns {1 if it was the last one, count of tasks, of those canceled, of sessions, now, notices, bells}.
-- Invariant: a running attempt loses its lease with its task; after the last step nothing of the tenant is left
-- but its member of :closed, and its instances until their workers report.
local tenant = ARGV[1]
local limit = tonumber(ARGV[6])
local accepted, used = root .. ':a:' .. tenant, root .. ':su:' .. tenant
local canceled = 0
-- From the last to the first, so that no task is rung for only to be canceled.
local taskIds = redis.call('ZREVRANGE', accepted, 0, limit - 1)
for _, taskId in ipairs(taskIds) do
  local task = tenant .. ':' .. taskId
  local t = read(task)
  if not t then
    redis.call('ZREM', accepted, taskId)
  else
    if t.st == RUNNING then
      local attempts = endedAttempts(redis.call('HGET', root .. ':t:' .. task, 'a'), t, tonumber(ARGV[5]), ARGV[3])
      endTask(task, t, CANCELED, ARGV[2], 'CANCELED', 'a', attempts)
      notices[#notices + 1] = { 'c', task, DISCARD, ARGV[4] }
      canceled = canceled + 1
    elseif t.st <= RETRY_WAIT then
      endTask(task, t, CANCELED, ARGV[2], 'CANCELED')
      canceled = canceled + 1
    end
    forget(task, t)
  end
end
local left = limit - #taskIds
local sessions = left > 0 and redis.call('ZRANGE', used, 0, left - 1) or {}
for _, session in ipairs(sessions) do dropContext(tenant .. ':' .. session) end
local isLast = #sessions < left
if isLast then
  for _, queue in ipairs(redis.call('SMEMBERS', root .. ':tq:' .. tenant)) do
    redis.call('DEL', root .. ':th:' .. tenant .. ':' .. queue)
  end
  redis.call('DEL', root .. ':tq:' .. tenant, root .. ':tn:' .. tenant)
  redis.call('ZREM', root .. ':holding', tenant)
  redis.call('ZADD', root .. ':closed', now + closed_for_ms, tenant)
end
return { isLast and 1 or 0, #taskIds, canceled, #sessions, now, notices, bells }
