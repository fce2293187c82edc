-- Claims that go to a worker together with the delivery, where store, queue and bus are on one Redis: a
-- worker that waits need not ask. Such a claim has t.uc until its holder is heard of (renew, started);
-- its lease is short until then, and when it ends unheard of, the task goes back without having
-- consumed an attempt (finish). Uses core, ring-here, transitions.

-- Larger ones are rung for: Redis keeps little for a subscriber that is slow.
local MAX_HANDED_BYTES = 32 * 1024
-- A worker is heard of within less.
local MAX_UNHEARD_MS = 5000

-- The worker's consumer that a task may be handed to now. `bytes`: of what goes with it.
local function claimantOf(t, preferred, bytes)
  if bytes > MAX_HANDED_BYTES or t.dl and t.dl <= now then return nil end
  return openedLine().claimant(t.q, preferred)
end

-- What src/redis/handed-claims.ts reads. `kept`: p, r, h of the task; `...` as for settle.
local function hand(task, t, was, consumer, entries, attempts, kept, ...)
  local id = bellId(task)
  local by = { worker = consumer.worker, lease = math.min(consumer.lease, MAX_UNHEARD_MS), span = '', claimId = id }
  t.uc = 1
  noteRung(t.q)
  local packed, packedAttempts, etag, endsAt = begin(task, t, was, by, entries, attempts, ...)
  local colon = string.find(task, ':', 1, true)
  line.hand(consumer, id, cmsgpack.pack({
    task, plain(string.sub(task, 1, colon - 1)), plain(string.sub(task, colon + 1)), t.q, t.pr, now, endsAt,
    kept[1], packed, packedAttempts, kept[2], kept[3] or '', t.aq - t.fs + 1, etag,
  }))
end

handOver = function(task, t)
  local f = redis.call('HMGET', root .. ':t:' .. task, 'p', 'r', 'h', 'a')
  if not f[1] or not f[2] then return false end
  local preferred = redis.call('HGET', root .. ':s:' .. t.s, 'w') or ''
  local consumer = claimantOf(t, preferred, #f[1] + #f[2])
  if not consumer then return false end
  hand(task, t, QUEUED, consumer, {}, f[4] and cmsgpack.unpack(f[4]) or {}, f)
  return true
end
