-- flags: allow-oom
-- Cancels a session's unfinished tasks and deletes all that is known of it, in steps: Redis answers nobody
-- else meanwhile. Unfinished tasks come first, then the context, then what has ended.
--
-- KEYS[1] root. ARGV: 1 session · 2 TaskStateChange and 3 TaskError of the cancel · 4 its reason ·
-- 5 AttemptOutcome CANCELED · 6 tasks accepted from here on are of the session that begins anew, '' for the
-- first step · 7 '1' when the context is gone already
-- Returns {1 if it existed, count of canceled tasks, now, notices, bells, 6 and 7 for the next step or
-- nothing when this was the last one}.
-- Invariant: a running attempt loses its lease with its task; after the last step nothing of the session
-- is left.
local session = ARGV[1]
-- Some 15 ms' worth.
local left = 1000
local colon = string.find(session, ':', 1, true)
local tenant = string.sub(session, 1, colon - 1)
local existed = redis.call('EXISTS', root .. ':s:' .. session, root .. ':st:' .. session) > 0
local before = tonumber(ARGV[6]) or redis.call('INCR', root .. ':order')
local lane = redis.call('LRANGE', root .. ':sl:' .. session, 0, -1)
local count = 0
-- From the last to the first, so that no task is rung for only to be canceled.
for i = #lane, 1, -1 do
  local task = lane[i]
  local t = read(task)
  if not t then
    redis.call('LREM', root .. ':sl:' .. session, -1, task)
  elseif t.n < before then
    if left == 0 then return { existed and 1 or 0, count, now, notices, bells, { before, 0 } } end
    left, count = left - 1, count + 1
    if t.st == RUNNING then
      local attempts = endedAttempts(redis.call('HGET', root .. ':t:' .. task, 'a'), t, tonumber(ARGV[5]), ARGV[3])
      endTask(task, t, CANCELED, ARGV[2], 'CANCELED', 'a', attempts)
      notices[#notices + 1] = { 'c', task, DISCARD, ARGV[4] }
    else
      endTask(task, t, CANCELED, ARGV[2], 'CANCELED')
    end
  end
end
if ARGV[7] ~= '1' then dropContext(session) end
local bound = '(' .. before
for _, taskId in ipairs(redis.call('ZRANGEBYSCORE', root .. ':st:' .. session, '-inf', bound, 'LIMIT', 0, left)) do
  local task = tenant .. ':' .. taskId
  local t = read(task)
  if t then forget(task, t) else redis.call('ZREM', root .. ':st:' .. session, taskId) end
end
local more = redis.call('ZCOUNT', root .. ':st:' .. session, '-inf', bound) > 0
return { existed and 1 or 0, count, now, notices, bells, more and { before, 1 } or {} }
