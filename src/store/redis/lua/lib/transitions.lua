-- The one way a task changes: its state is set, then `settle` brings lane, figures and all indexes in
-- line with it, so that none of them can disagree. Uses core, doorbells and tenants.
local COUNTERS = { 'queued', 'running', 'retryWait', 'completed', 'completed', 'failed', 'completed' }

local function isHead(task, t)
  return t.s == '' or redis.call('LINDEX', root .. ':sl:' .. t.s, 0) == task
end

local function leaveLane(task, t)
  if not t.ln then return end
  t.ln = nil
  local lane = root .. ':sl:' .. t.s
  if redis.call('LINDEX', lane, 0) ~= task then
    redis.call('LREM', lane, -1, task)
    return
  end
  local head, following
  repeat
    redis.call('LPOP', lane)
    head = redis.call('LINDEX', lane, 0)
    following = head and read(head)
    -- One that was deleted by hand must not hold up those behind it.
  until following or not head
  if following and following.st == QUEUED then becomeReady(head, following) end
end

local function indexEnd(task, t)
  t.x = t.st == FAILED and ':dead-logs' or ':ended-logs'
  redis.call('ZADD', root .. t.x, now, task)
  if t.st ~= FAILED then return end
  local colon = string.find(task, ':', 1, true)
  t.dm = string.sub(task, colon + 1) .. ' ' .. t.ag .. ' ' .. (t.er or '')
  local order = redis.call('INCR', root .. ':order')
  redis.call('ZADD', root .. ':d:' .. string.sub(task, 1, colon - 1), order, t.dm)
  redis.call('HINCRBY', root .. ':q:' .. t.q, 'dead', 1)
end

local function unlinkEnd(task, t)
  if t.x then redis.call('ZREM', root .. t.x, task) end
  if t.dm then
    local colon = string.find(task, ':', 1, true)
    redis.call('ZREM', root .. ':d:' .. string.sub(task, 1, colon - 1), t.dm)
    redis.call('HINCRBY', root .. ':q:' .. t.q, 'dead', -1)
  end
  t.x, t.dm, t.rt = nil, nil, nil
end

local function indexTimes(task, t)
  local due = t.st == RETRY_WAIT and t.na or nil
  if t.dl and t.st ~= RUNNING and t.st <= RETRY_WAIT and (not due or t.dl < due) then due = t.dl end
  if due then
    redis.call('ZADD', root .. ':due', due, task)
    t.du = 1
  elseif t.du then
    redis.call('ZREM', root .. ':due', task)
    t.du = nil
  end
end

-- After t.st was set; `was` is the state before (0 = new). Keeps t and the fields named in `...`.
-- Answers the packed control part, and whether a doorbell was taken down that nobody had confirmed.
local function settleAlone(task, t, was, ...)
  local figures = root .. ':q:' .. t.q
  local unconfirmed = false
  if t.tb then tally(task, was, t.st) end
  if was ~= 0 and was <= RETRY_WAIT then redis.call('HINCRBY', figures, COUNTERS[was], -1) end
  redis.call('HINCRBY', figures, COUNTERS[t.st], 1)
  if was == RUNNING then redis.call('ZREM', root .. ':leases', task) end
  indexTimes(task, t)
  if was == QUEUED then unconfirmed = unready(task, t) end
  if t.st > RETRY_WAIT then
    leaveLane(task, t)
    indexEnd(task, t)
    return keep(task, t, ...), unconfirmed
  end
  if t.x or t.rt then unlinkEnd(task, t) end
  if t.s ~= '' and not t.ln then
    redis.call('RPUSH', root .. ':sl:' .. t.s, task)
    t.ln = 1
  end
  local packed = keep(task, t, ...)
  if t.st == QUEUED and isHead(task, t) then becomeReady(task, t) end
  return packed, unconfirmed
end

-- The same, and then what the tenant may have rung with the place that is free now.
local function settle(task, t, was, ...)
  local packed, unconfirmed = settleAlone(task, t, was, ...)
  if t.tb then letRing(tenantOf(task), math.huge) end
  return packed, unconfirmed
end

-- Ends a task that no attempt is ending.
local function endTask(task, t, state, change, reason, ...)
  local was = t.st
  local entries = { changeEntry(t, state, 0, change) }
  tell(task, write(task, t, entries), entries)
  noteChange(task, t, state, reason)
  t.st, t.fa, t.na, t.er = state, now, nil, reason
  settle(task, t, was, 'o', change, ...)
end

-- The attempts with the newest one ended, packed; counts its run time. `errors` is a TaskError or ''.
local function endedAttempts(task, t, outcome, errors)
  local figures = root .. ':q:' .. t.q
  redis.call('HINCRBY', figures, 'attempts', 1)
  redis.call('HINCRBY', figures, 'attemptMs', math.max(0, now - t.as))
  local attempts = cmsgpack.unpack(redis.call('HGET', root .. ':t:' .. task, 'a'))
  local last = attempts[#attempts]
  last[3], last[4], last[7] = now, outcome, errors
  return cmsgpack.pack(attempts)
end
