-- flags: allow-oom
-- Takes a ready task for an attempt: RUNNING, a new fence, a lease, the entry that announces it.
--
-- KEYS[1] root. ARGV: 1 task · 2 worker · 3 lease ms · 4 span id · 5 TaskStateChange of a passed
-- deadline · 6 claim id
-- Returns {'NONE', now, next due, notices, bells} when it is not ready, or its deadline has passed ·
-- {'OK', now, p, c, a, r, h, log length, etag, 1 if its doorbell was confirmed, instant the lease
-- ends, notices and bells of other tasks of its tenant} · {'AGAIN', the same, notices} to a repeat while its
-- lease is held.
-- Invariant: one attempt at a time per task and session, and per claim id; the fence grows with every
-- claim. It follows the server's microseconds, so that a claim lost in a failover does not give its
-- fence away again.
local task, worker = ARGV[1], ARGV[2]
local key = root .. ':t:' .. task
local f = redis.call('HMGET', key, 'c', 'a', 'p', 'r', 'h')
local t = f[1] and cmsgpack.unpack(f[1])
local repeats = t and t.ci == ARGV[6]

if repeats and t.st == RUNNING then
  local last = lastSequence(task, t)
  tellAgain(task, t, t.aq - 1, last)
  local etag = t.s ~= '' and redis.call('HGET', root .. ':s:' .. t.s, 'e') or ''
  local endsAt = redis.call('ZSCORE', root .. ':leases', task)
  return {
    'AGAIN', now, f[3], f[1], f[2], f[4], f[5] or '', last - t.fs + 1, etag, 1, endsAt, notices,
  }
end
if not t or repeats or t.st ~= QUEUED or not isHead(task, t) then return { 'NONE', now, -1, {}, {} } end
if t.dl and t.dl <= now then
  endTask(task, t, FAILED, ARGV[5], 'DEADLINE_EXCEEDED')
  return { 'NONE', now, -1, notices, bells }
end
if t.tb and not mayRun(task, t) then return { 'NONE', now, -1, {}, {} } end

local by = { worker = worker, lease = tonumber(ARGV[3]), span = ARGV[4], claimId = ARGV[6] }
local attempts = f[2] and cmsgpack.unpack(f[2]) or {}
local packed, packedAttempts, etag, endsAt, unconfirmed = begin(task, t, QUEUED, by, {}, attempts)
return {
  'OK', now, f[3], packed, packedAttempts, f[4], f[5] or '', t.aq - t.fs + 1, etag,
  unconfirmed and 0 or 1, endsAt, notices, bells,
}
