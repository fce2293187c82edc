-- flags: allow-oom
-- Ends an attempt: last events, state change, session, and the promotion of the lane's next task.
--
-- KEYS[1] root. ARGV: 1 task · 2 fence · 3 after sequence · 4 requested state · 5 '1' if only an
-- expired lease may be ended · 6 delay ms of a retry · 7 attempt outcome · 8 TaskStateChange with the
-- result or error · 9 TaskError of the attempt or '' · 10 reason of a failure, encoded · 11 session to
-- commit to or '' · 12 its context · 13 version before · 14 version · 15 message count · 16 the worker's
-- consumer in the queue, if the slot that the end makes free is not promised yet, or '' · 17 tokens
-- used · then TaskEvents
-- Returns {'LOST'} · {'GAP', last sequence} · {'STATELESS'} · {'FOREIGN'} · {'VERSION', stored} ·
-- {'OK', now, next due, notices, bells, p, c, a, o, log length, etag, count of events that were there
-- already or -1 for a repeat}. The caller knows the entries of the events and, where c's state is the
-- requested one, of the change; the notices hold the others, and the change for the record.
-- Invariant: one ending per fence; its repeat answers the same, any other is refused.
local task, fence, after = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local requested, ifExpired, count = tonumber(ARGV[4]), ARGV[5] == '1', #ARGV - 17
local key = root .. ':t:' .. task
local f = redis.call('HMGET', key, 'c', 'p', 'a')
if not f[1] then return { 'LOST' } end
local t = cmsgpack.unpack(f[1])

if t.ff == fence and t.f == fence then
  if t.fq ~= after or t.fr ~= requested or (t.fx == 1) ~= ifExpired then return { 'LOST' } end
  tellAgain(task, t, ifExpired and t.fl - 1 or after, t.fl)
  local head = t.s == '' and task or redis.call('LINDEX', root .. ':sl:' .. t.s, 0)
  local waiting = head and read(head)
  if waiting and waiting.st == QUEUED then ringAgain(bellOf(head, waiting)) end
  local s = shown(task)
  return { 'OK', now, -1, notices, bells, s[1], s[2], s[4], s[3] or '', s[5], t.fe, -1 }
end
if t.st ~= RUNNING or t.f ~= fence then return { 'LOST' } end
if ifExpired and tonumber(redis.call('ZSCORE', root .. ':leases', task)) > now then return { 'LOST' } end

-- A rollback may have overtaken the finish of an attempt that was to keep its output.
local isDiscarded = requested == CANCELED and t.cm == DISCARD
local commits = ARGV[11] ~= '' and not isDiscarded
if commits then
  if t.s == '' then return { 'STATELESS' } end
  if t.s ~= ARGV[11] then return { 'FOREIGN' } end
  local stored = redis.call('HGET', root .. ':s:' .. t.s, 'v') or '0'
  if stored ~= ARGV[13] then return { 'VERSION', stored } end
end

-- Whoever ends a dead attempt does not know where its log ends.
local last = lastSequence(task, t)
local from = ifExpired and last or after
if from ~= last then
  if from < math.max(t.aq, last - count) or from > last then return { 'GAP', last } end
  tellAgain(task, t, from, last)
end
local known = last - from

local etag = ''
if commits then
  local createdAt = redis.call('HGET', root .. ':s:' .. t.s, 'ca') or instant()
  etag = keepContext(t.s, ARGV[12], ARGV[14], ARGV[15], createdAt, instant())
elseif t.s ~= '' then
  etag = redis.call('HGET', root .. ':s:' .. t.s, 'e') or ''
end

if t.tb then countTokens(task, tonumber(ARGV[17])) end
local state, change, reason, outcome = requested, ARGV[8], ARGV[10], tonumber(ARGV[7])
-- Handed to a worker that is connected but did not hear of it: nothing has been attempted.
local isUnheard = ifExpired and t.uc and last == t.aq and passOver(workerOf(f[3]))
if isUnheard then state, outcome = QUEUED, RELEASED end
local attempts = endedAttempts(f[3], t, outcome, ARGV[9])
-- A task whose cancel was requested never runs again, whatever its attempt asks for.
if (state == QUEUED or state == RETRY_WAIT) and t.cm then
  state, change, reason = CANCELED, t.ct, 'CANCELED'
end
if state == RETRY_WAIT then t.na = now + tonumber(ARGV[6]) else t.na = nil end

local entries = {}
for i = known + 1, count do entries[#entries + 1] = eventEntry(t, ARGV[17 + i]) end
entries[#entries + 1] = changeEntry(t, state, t.na or 0, change)
t.fl = write(task, t, entries)
announce(task, t.fl - #entries + 1, entries, state ~= requested and #entries or nil)
if state ~= requested then noteChange(task, t, state, reason) end

-- A drain too hands back without consuming the attempt.
t.uc = nil
if requested ~= QUEUED and not isUnheard then t.co = t.co + 1 end
if state > RETRY_WAIT then t.fa = now end
t.st, t.er = state, reason
t.ff, t.fq, t.fr, t.fx, t.fe = fence, after, requested, ifExpired and 1 or 0, etag
if ARGV[16] ~= '' then makeRoom(ARGV[16]) end
local packed
if state == QUEUED then
  change = ''
  redis.call('HDEL', key, 'o')
  packed = settle(task, t, RUNNING, 'a', attempts)
else
  packed = settle(task, t, RUNNING, 'a', attempts, 'o', change)
end
return {
  'OK', now, state == RETRY_WAIT and nextDue() or -1, notices, bells,
  f[2], packed, attempts, change, t.fl - t.fs + 1, etag, known,
}
