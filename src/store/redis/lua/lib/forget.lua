-- Deleting what has ended. Uses core, doorbells, transitions.

-- Deletes a terminal task and all that names it.
local function forget(task, t)
  unlinkEnd(task, t)
  if t.tb then countBytes(tenantOf(task), -t.tb) end
  local colon = string.find(task, ':', 1, true)
  redis.call('DEL', root .. ':t:' .. task, root .. ':l:' .. task)
  redis.call('ZREM', root .. ':a:' .. string.sub(task, 1, colon - 1), string.sub(task, colon + 1))
  if t.k then
    redis.call('DEL', root .. ':k:' .. t.k)
    redis.call('ZREM', root .. ':keys', t.k)
  end
  if t.s == '' then return end
  local session = root .. ':s:' .. t.s
  redis.call('ZREM', root .. ':st:' .. t.s, string.sub(task, colon + 1))
  if redis.call('EXISTS', root .. ':st:' .. t.s) == 0 and redis.call('HEXISTS', session, 'x') == 0 then
    redis.call('DEL', session)
  end
end

-- Forgets an idempotency key, and the task that was kept for it alone.
local function forgetKey(key)
  local known = redis.call('GET', root .. ':k:' .. key)
  redis.call('DEL', root .. ':k:' .. key)
  redis.call('ZREM', root .. ':keys', key)
  local task = known and string.match(known, '^%S+ (%S+)')
  local t = task and read(task)
  if not t then return end
  t.k = nil
  if t.rt then forget(task, t) else keep(task, t) end
end
