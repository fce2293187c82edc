-- What all functions share: names, states, a task's control part, its log, what callers are told.
--
-- KEYS[1] of every function is the root, "{prefix}". All other keys are built from it; its braces are
-- the hash tag that keeps them in one slot of a cluster. A task's name is "tenant:taskId" with both
-- parts encoded (keys.ts), a session's "tenant:agentId:sessionId".
--
-- Keys under the root
--   :t:<task>      hash    c control part (MessagePack, below) · p the Task as submitted · r the
--                          TaskRecord without task and trace headers · h trace headers, if any ·
--                          a attempts (MessagePack) · o TaskStateChange with the result or error
--   :l:<task>      list    its log; the entry of sequence n is at index n - c.fs
--   :a:<tenant>    zset    all its tasks by accept order      :d:<tenant>  zset  dead letters by end
--   :k:<tenant>:<idempotency key>  string  "expiresAtMs task digest"
--   :s:<session>   hash    x context · v version · e etag · m message count · ca, ua instants ·
--                          u used order · w last worker       :su:<tenant> zset  sessions by use
--   :sl:<session>  list    its lane, head first               :st:<session> zset its tasks by order
--   :q:<queue>     hash    figures                            :qr:<queue>  zset  ready, by task id
--   :queues set · :order counter · zsets of tasks by instant: :leases, :due, :unpublished,
--   :ended-logs, :ended, :dead-logs, :dead (…-logs: the log is still kept) · :keys by expiry
--   :ak:<key id> hash x ApiKeyRecord · t tenant · r revoked · u used · :aks zset of ids ·
--   :aks-dead zset of ids by the instant they expire or were revoked
--   :workers zset by expiry · :worker hash · :wi:<worker> hash instances · :ix:<tenant> zset
--
-- Control part, a map; absent = nil. Instants are milliseconds of the server.
--   v format (1) · st state · q queue · pr priority · ag agent · s session ('' = stateless) ·
--   n accept order · ca created · at attempt · f fence · ci id of the newest claim · uc 1 while
--   its holder has not been heard of, which did not ask for it · fs first sequence kept · h has headers ·
--   dl deadline · sa first started · fa finished · na next attempt · as attempt started ·
--   aq sequence that announced the attempt · cr cancel requested · cm mode · cw reason · ct its
--   TaskStateChange · co consumed attempts · rd redrives · er reason of the failure · k idempotency
--   key · tb bytes of the request, counted for the tenant; nil without a quota · rt retired: kept for its key only · ln in its lane · du in :due · x the :ended… or :dead…
--   zset it is in · dm its member of :d · last finish: ff fence, fq afterSequence, fr requested
--   state, fx 1 if ifExpired, fe etag, fl sequence it ended at
local QUEUED, RUNNING, RETRY_WAIT, COMPLETED, INPUT_REQUIRED, FAILED, CANCELED = 1, 2, 3, 4, 5, 6, 7
local DISCARD, KEEP = 1, 2
-- AttemptOutcome.
local RELEASED = 6

-- Of the call under way. What it tells the caller: notices, {'e', task, first sequence, entries},
-- {'c', task, mode, reason}, {'s', task, agent, attempt, state before, state, reason, trace headers}
-- of a change for the record or {'r', queue of each doorbell that was rung here}, and bells, {task, queue, priority, preferred worker, trace headers}.
local root, micros, now, notices, bells

-- Changes of queues' figures by queue and field, and how many unfinished tasks a queue had: a call that
-- does much looks and writes once.
local figureChanges, unfinishedBefore

local function bump(queue, field, by)
  local changes = figureChanges[queue]
  if not changes then
    changes = {}
    figureChanges[queue] = changes
  end
  changes[field] = (changes[field] or 0) + by
end

local function writeFigures()
  for queue, changes in pairs(figureChanges) do
    for field, by in pairs(changes) do
      if by ~= 0 then redis.call('HINCRBY', root .. ':q:' .. queue, field, by) end
    end
  end
end

-- With what this call has changed; nil for a queue that never had a task.
local function unfinishedOf(queue)
  local changes = figureChanges[queue] or {}
  local before = unfinishedBefore[queue]
  if not before then
    local counts = redis.call('HMGET', root .. ':q:' .. queue, 'queued', 'running', 'retryWait')
    if not (counts[1] or counts[2] or counts[3] or figureChanges[queue]) then return nil end
    before = (counts[1] or 0) + (counts[2] or 0) + (counts[3] or 0)
    unfinishedBefore[queue] = before
  end
  return before + (changes.queued or 0) + (changes.running or 0) + (changes.retryWait or 0)
end

-- A part of a name as it was before encodePart (keys.ts).
local function plain(part)
  if not string.find(part, '%', 1, true) then return part end
  return (string.gsub(part, '%%(%x%x)', function(code) return string.char(tonumber(code, 16)) end))
end

local function read(task)
  local packed = redis.call('HGET', root .. ':t:' .. task, 'c')
  return packed and cmsgpack.unpack(packed)
end

-- Answers the packed control part.
local function keep(task, t, ...)
  local packed = cmsgpack.pack(t)
  redis.call('HSET', root .. ':t:' .. task, 'c', packed, ...)
  return packed
end

-- Entries of the log (entries.ts reads them): format 1, kind, attempt, instant; then
-- kind 0: the TaskEvent; kind 1: previous state, state, next attempt, TaskStateChange;
-- kind 2: a new attempt, its worker.
local function eventEntry(t, event)
  return struct.pack('>BBI4d', 1, 0, t.at, now) .. event
end

local function changeEntry(t, state, nextAttemptAt, change)
  return struct.pack('>BBI4dBBd', 1, 1, t.at, now, t.st or 0, state, nextAttemptAt) .. change
end

local function attemptEntry(t, worker)
  return struct.pack('>BBI4d', 1, 2, t.at, now) .. worker
end

-- For the record: t is about to change its state. The caller knows the change that it asks for itself.
local function noteChange(task, t, state, reason)
  local headers = t.h and redis.call('HGET', root .. ':t:' .. task, 'h') or ''
  notices[#notices + 1] = { 's', task, t.ag, t.at, t.st, state, reason, headers }
end

local function lastSequence(task, t)
  return t.fs - 1 + redis.call('LLEN', root .. ':l:' .. task)
end

-- Appends to the log; answers the last sequence. In steps, because Lua's stack is bounded.
local function write(task, t, entries)
  local length = 0
  for i = 1, #entries, 1000 do
    local upTo = math.min(i + 999, #entries)
    length = redis.call('RPUSH', root .. ':l:' .. task, unpack(entries, i, upTo))
  end
  return t.fs - 1 + length
end

-- What watchers are told of entries: where they are many bytes, only where the log now ends, which is
-- no entries, and the sequence of the next one. Who hears it reads the log, in parts.
local MAX_TOLD_BYTES = 256 * 1024

local function tellable(first, entries)
  local bytes = 0
  for i = 1, #entries do bytes = bytes + #entries[i] end
  if bytes <= MAX_TOLD_BYTES then return first, entries end
  return first + #entries, {}
end

-- Entries from an index on, at most `limit`, and as many as fit into `most` bytes, the first at least.
-- In steps that follow the size of the entries before, so that little more is read than fits.
local function logPart(task, from, limit, most)
  local part, bytes, step = {}, 0, 4
  while #part < limit do
    local last = from + math.min(step, limit - #part) - 1
    local entries = redis.call('LRANGE', root .. ':l:' .. task, from, last)
    for _, entry in ipairs(entries) do
      bytes = bytes + #entry
      if bytes > most and #part > 0 then return part end
      part[#part + 1] = entry
    end
    from = from + #entries
    if from <= last then return part end
    step = math.max(1, math.min(4 * step, math.floor((most - bytes) * #part / bytes)))
  end
  return part
end

-- Milliseconds until the next retry or deadline; -1 = none.
local function nextDue()
  local first = redis.call('ZRANGE', root .. ':due', 0, 0, 'WITHSCORES')
  return first[2] and math.max(0, first[2] - now) or -1
end

-- What the caller needs to show a task: p, c, o, a, length of its log. False when it is unknown.
local function shown(task)
  local f = redis.call('HMGET', root .. ':t:' .. task, 'p', 'c', 'o', 'a')
  if not f[2] then return false end
  f[5] = redis.call('LLEN', root .. ':l:' .. task)
  return f
end

local function shownBytes(f)
  return #f[1] + #f[2] + (f[3] and #f[3] or 0) + (f[4] and #f[4] or 0)
end
