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
  if not following or following.st ~= QUEUED then return end
  local mayHand = handOver and not following.tb
  if not (mayHand and handOver(head, following)) then becomeReady(head, following) end
end

local function indexEnd(task, t)
  t.x = t.st == FAILED and ':dead-logs' or ':ended-logs'
  redis.call('ZADD', root .. t.x, now, task)
  if t.st ~= FAILED then return end
  local colon = string.find(task, ':', 1, true)
  t.dm = string.sub(task, colon + 1) .. ' ' .. t.ag .. ' ' .. (t.er or '')
  local order = redis.call('INCR', root .. ':order')
  redis.call('ZADD', root .. ':d:' .. string.sub(task, 1, colon - 1), order, t.dm)
  bump(t.q, 'dead', 1)
end

local function unlinkEnd(task, t)
  if t.x then redis.call('ZREM', root .. t.x, task) end
  if t.dm then
    local colon = string.find(task, ':', 1, true)
    redis.call('ZREM', root .. ':d:' .. string.sub(task, 1, colon - 1), t.dm)
    bump(t.q, 'dead', -1)
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
  local unconfirmed = false
  if t.tb then tally(task, was, t.st) end
  if was ~= 0 and was <= RETRY_WAIT then bump(t.q, COUNTERS[was], -1) end
  bump(t.q, COUNTERS[t.st], 1)
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

-- A ready task becomes RUNNING: a new fence, a lease, and behind `entries` the one that announces the
-- attempt. `by`: worker, lease (ms), span, claim id; `was` and `...` as for settle. Answers the packed
-- control part and attempts, the session's etag, when the lease ends, and whether its doorbell was
-- unconfirmed.
local function begin(task, t, was, by, entries, attempts, ...)
  t.at, t.f, t.ci = t.at + 1, math.max(t.f + 1, micros), by.claimId
  entries[#entries + 1] = attemptEntry(t, by.worker)
  t.aq = write(task, t, entries)
  announce(task, t.aq - #entries + 1, entries)
  t.sa, t.as = t.sa or now, now
  t.st = RUNNING
  if #attempts >= 32 then table.remove(attempts, 1) end
  attempts[#attempts + 1] = { t.at, now, 0, 0, by.worker, by.span, '' }
  local packedAttempts = cmsgpack.pack(attempts)
  local endsAt = now + by.lease
  redis.call('ZADD', root .. ':leases', endsAt, task)
  local etag = ''
  if t.s ~= '' then
    local session = root .. ':s:' .. t.s
    etag = redis.call('HGET', session, 'e') or ''
    redis.call('HSET', session, 'w', by.worker)
  end
  local packed, unconfirmed = settle(task, t, was, 'a', packedAttempts, ...)
  return packed, packedAttempts, etag, endsAt, unconfirmed
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

-- Of the newest attempt.
local function workerOf(packed)
  local attempts = cmsgpack.unpack(packed)
  return attempts[#attempts][5]
end

-- The packed attempts with the newest one ended; counts its run time. `errors` is a TaskError or ''.
local function endedAttempts(packed, t, outcome, errors)
  bump(t.q, 'attempts', 1)
  bump(t.q, 'attemptMs', math.max(0, now - t.as))
  local attempts = cmsgpack.unpack(packed)
  local last = attempts[#attempts]
  last[3], last[4], last[7] = now, outcome, errors
  return cmsgpack.pack(attempts)
end
