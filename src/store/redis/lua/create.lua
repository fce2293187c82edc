-- Accepts a task at the end of its lane.
--
-- KEYS[1] root. ARGV: 1 task · 2 idempotency key as "tenant:key" or '' · 3 digest · 4 strategy: 0
-- enqueue, 1 reject, 2 interrupt, 3 rollback · 5 queue · 6 most unfinished tasks of the queue ·
-- 7 ms to the deadline or '' · 8 ms to remember the key · 9 session or '' · 10 agent · 11 priority ·
-- 12 Task (p) · 13 TaskRecord (r) · 14 trace headers (h) or '' · 15 TaskStateChange and 16 reason of
-- the cancels that the strategy makes · 17 bytes that count for the tenant, '' = it has no limits, and
-- then: 18 window · '' = any: 19 most running · 20 most queued · 21 most sessions · 22 most tokens of a
-- day · 23 most stored bytes
-- Returns {'EXISTS', shown task} · {'CONFLICT', task} · {'BUSY', count} · {'FULL', count} ·
-- {'QUOTA', name of the limit in quota.ts, now} · {'CLOSED'} ·
-- {'OK', now, next due, notices, bells}; the caller knows the new task's own entry.
-- Invariant: a task id and an idempotency key are accepted once; a refusal changes nothing.
local task, key, queue, session = ARGV[1], ARGV[2], ARGV[5], ARGV[9]
local strategy = tonumber(ARGV[4])
local colon = string.find(task, ':', 1, true)
local tenant, taskId = string.sub(task, 1, colon - 1), string.sub(task, colon + 1)

if isClosed(tenant) then return { 'CLOSED' } end
if redis.call('HEXISTS', root .. ':t:' .. task, 'c') == 1 then return { 'EXISTS', shown(task) } end
if key ~= '' then
  local known = redis.call('GET', root .. ':k:' .. key)
  if known then
    local expiresAt, other, digest = string.match(known, '^(%S+) (%S+) (.*)$')
    if tonumber(expiresAt) > now then
      if digest == ARGV[3] then return { 'EXISTS', shown(other), other } end
      return { 'CONFLICT', other }
    end
  end
end

local lane = root .. ':sl:' .. session
if session ~= '' and strategy == 1 then
  local count = redis.call('LLEN', lane)
  if count > 0 then return { 'BUSY', count } end
end
local ahead = session ~= '' and strategy >= 2 and redis.call('LRANGE', lane, 0, -1) or {}

local known = unfinishedOf(queue)
local unfinished = known or 0
if unfinished >= tonumber(ARGV[6]) then
  local freed = 0
  for _, other in ipairs(ahead) do
    local t = read(other)
    if t and t.q == queue and t.st ~= RUNNING then freed = freed + 1 end
  end
  if unfinished - freed >= tonumber(ARGV[6]) then return { 'FULL', unfinished } end
end

-- The first limit that one more would exceed, as quota.ts says.
local function exceeded()
  local most = {}
  for i = 20, 23 do most[i] = tonumber(ARGV[i]) or math.huge end
  local f = redis.call('HMGET', root .. ':tn:' .. tenant, 'q', 'b', 'd', 'k')
  local tokens = tonumber(f[3] or '-1') == today() and tonumber(f[4]) or 0
  if tokens + 1 > most[22] then return 'tokensPerDay' end
  if tonumber(f[2] or 0) + tonumber(ARGV[17]) > most[23] then return 'storedBytes' end
  local isNew = session ~= '' and ARGV[21] ~= '' and redis.call('HEXISTS', root .. ':s:' .. session, 'x') == 0
    and redis.call('EXISTS', lane) == 0
  if isNew and redis.call('ZCARD', root .. ':su:' .. tenant) + 1 > most[21] then return 'liveSessions' end
  local queued = tonumber(f[1] or 0) + 1
  if queued <= most[20] then return nil end
  for _, other in ipairs(ahead) do
    local t = read(other)
    if t and t.tb and t.st ~= RUNNING then queued = queued - 1 end
  end
  return queued > most[20] and 'queuedTasks' or nil
end
if ARGV[17] ~= '' then
  local name = exceeded()
  if name then return { 'QUOTA', name, now } end
end

-- From the last to the first, so that no task is rung for only to be canceled.
for i = #ahead, 1, -1 do
  local t = read(ahead[i])
  local mode = strategy == 2 and KEEP or DISCARD
  -- A rollback means that nothing of the attempt may reach the session, whoever asked before.
  if t then
    if t.st == RUNNING and mode == DISCARD and t.cm == KEEP then t.cm = DISCARD end
    cancelTask(ahead[i], t, mode, ARGV[16], ARGV[15])
  end
end

if not known then redis.call('SADD', root .. ':queues', queue) end
local order = redis.call('INCR', root .. ':order')
local t = {
  v = 1, st = 0, q = queue, pr = tonumber(ARGV[11]), ag = ARGV[10], s = session, n = order,
  ca = now, at = 0, f = 0, fs = 1, co = 0,
}
if ARGV[7] ~= '' then t.dl = now + tonumber(ARGV[7]) end
if ARGV[17] ~= '' then
  t.tb = tonumber(ARGV[17])
  countBytes(tenant, t.tb)
  redis.call('HSET', root .. ':tn:' .. tenant, 'w', ARGV[18], 'm', ARGV[19])
end
local entries = { changeEntry(t, QUEUED, 0, '') }
redis.call('ZADD', root .. ':a:' .. tenant, order, taskId)
if session ~= '' then redis.call('ZADD', root .. ':st:' .. session, order, taskId) end
if key ~= '' then
  forgetKey(key)
  local expiresAt = now + tonumber(ARGV[8])
  redis.call('SET', root .. ':k:' .. key, expiresAt .. ' ' .. task .. ' ' .. ARGV[3])
  redis.call('ZADD', root .. ':keys', expiresAt, key)
  t.k = key
end
t.st = QUEUED
if ARGV[14] ~= '' then
  t.h = 1
  redis.call('HSET', root .. ':t:' .. task, 'h', ARGV[14])
end
local consumer
-- A tenant with limits has its line, and what comes is not to pass it.
if handOver and ARGV[17] == '' and (session == '' or redis.call('LLEN', lane) == 0) then
  local preferred = session ~= '' and redis.call('HGET', root .. ':s:' .. session, 'w') or ''
  consumer = claimantOf(t, preferred, #ARGV[12] + #ARGV[13])
end
if consumer then
  hand(task, t, 0, consumer, entries, {}, { ARGV[12], ARGV[13], ARGV[14] }, 'p', ARGV[12], 'r', ARGV[13])
else
  announce(task, write(task, t, entries), entries)
  settle(task, t, 0, 'p', ARGV[12], 'r', ARGV[13])
end
return { 'OK', now, t.dl and nextDue() or -1, notices, bells }
