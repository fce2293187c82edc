-- flags: allow-oom
-- Cancels a session's unfinished tasks and deletes all that is known of it.
--
-- KEYS[1] root. ARGV: 1 session · 2 TaskStateChange and 3 TaskError of the cancel · 4 its reason ·
-- 5 AttemptOutcome CANCELED
-- Returns {1 if it existed, count of canceled tasks, now, notices}.
-- Invariant: a running attempt loses its lease with its task; nothing of the session is left.
local session = ARGV[1]
local colon = string.find(session, ':', 1, true)
local tenant = string.sub(session, 1, colon - 1)
local existed = redis.call('EXISTS', root .. ':s:' .. session, root .. ':st:' .. session) > 0
local lane = redis.call('LRANGE', root .. ':sl:' .. session, 0, -1)
-- From the last to the first, so that no task is rung for only to be canceled.
for i = #lane, 1, -1 do
  local task = lane[i]
  local t = read(task)
  if t and t.st == RUNNING then
    local attempts = endedAttempts(task, t, tonumber(ARGV[5]), ARGV[3])
    endTask(task, t, CANCELED, ARGV[2], 'CANCELED', 'a', attempts)
    notices[#notices + 1] = { 'c', task, DISCARD, ARGV[4] }
  elseif t then
    endTask(task, t, CANCELED, ARGV[2], 'CANCELED')
  end
end
for _, taskId in ipairs(redis.call('ZRANGE', root .. ':st:' .. session, 0, -1)) do
  local task = tenant .. ':' .. taskId
  local t = read(task)
  if t then forget(task, t) end
end
redis.call('DEL', root .. ':st:' .. session, root .. ':sl:' .. session)
dropContext(session)
return { existed and 1 or 0, #lane, now, notices }
