-- flags: allow-oom
-- The store's own chores, each along an index, so that its cost follows what is due.
--
-- KEYS[1] root. ARGV: 1 limit · 2 unpublished after ms · 3 log retention ms · 4 task retention ms ·
-- 5 dead letter retention ms · 6 TaskStateChange of a passed deadline · 7 session retention ms
-- Returns {count, now, next due, notices, bells}.
-- Invariant: nothing unfinished is deleted; a second sweep of the same finds nothing. What an index
-- names and nobody knows any more, because it was deleted by hand, is dropped from it.
local limit = tonumber(ARGV[1])
local left = limit

while left > 0 do
  local first = redis.call('ZRANGEBYSCORE', root .. ':due', '-inf', now, 'LIMIT', 0, 1)[1]
  if not first then break end
  left = left - 1
  local t = read(first)
  if not t then
    redis.call('ZREM', root .. ':due', first)
  elseif t.st == RETRY_WAIT and t.na <= now then
    local entries = { changeEntry(t, QUEUED, 0, '') }
    tell(first, write(first, t, entries), entries)
    noteChange(first, t, QUEUED, '')
    t.st, t.na, t.er = QUEUED, nil, nil
    redis.call('HDEL', root .. ':t:' .. first, 'o')
    settle(first, t, RETRY_WAIT)
  else
    endTask(first, t, FAILED, ARGV[6], 'DEADLINE_EXCEEDED')
  end
end

local function upTo(name, instant)
  if left <= 0 then return {} end
  local found = redis.call('ZRANGEBYSCORE', root .. name, '-inf', instant, 'LIMIT', 0, left)
  left = left - #found
  return found
end

for _, task in ipairs(redis.call('ZRANGEBYSCORE', root .. ':leases', '-inf', now, 'LIMIT', 0, limit)) do
  if redis.call('EXISTS', root .. ':t:' .. task) == 0 then redis.call('ZREM', root .. ':leases', task) end
end

for _, task in ipairs(upTo(':unpublished', now - tonumber(ARGV[2]))) do
  local t = read(task)
  redis.call('ZREM', root .. ':unpublished', task)
  if t and t.st == QUEUED then ring(task, bellOf(task, t)) end
end

for _, key in ipairs(upTo(':keys', now)) do forgetKey(key) end

for _, name in ipairs({ ':ended', ':dead' }) do
  for _, task in ipairs(upTo(name .. '-logs', now - tonumber(ARGV[3]))) do
    local t = read(task)
    redis.call('ZREM', root .. name .. '-logs', task)
    if t then
      redis.call('ZADD', root .. name, t.fa, task)
      t.x = name
      t.fs = lastSequence(task, t) + 1
      redis.call('DEL', root .. ':l:' .. task)
      keep(task, t)
    end
  end
end

-- A remembered idempotency key must lead to its task, so the task stays until the key goes.
local function retire(name, retention)
  for _, task in ipairs(upTo(name, now - tonumber(retention))) do
    local t = read(task)
    if not t then
      redis.call('ZREM', root .. name, task)
    elseif t.k then
      redis.call('ZREM', root .. name, task)
      t.x, t.rt = nil, 1
      keep(task, t)
    else
      forget(task, t)
    end
  end
end
retire(':ended', ARGV[4])
retire(':ended-logs', ARGV[4])
retire(':dead', ARGV[5])
retire(':dead-logs', ARGV[5])

-- With a task in its lane a session is in use: it is looked at again when its next turn is committed,
-- or after another retention.
for _, session in ipairs(upTo(':used', now - tonumber(ARGV[7]))) do
  if redis.call('LLEN', root .. ':sl:' .. session) == 0 then dropContext(session)
  else redis.call('ZADD', root .. ':used', now, session) end
end

redis.call('ZREMRANGEBYSCORE', root .. ':closed', '-inf', now)

return { limit - left, now, nextDue(), notices, bells }
