-- What tenants have, and which of their ready tasks ring. Tasks that were accepted without a quota (no
-- t.tb) do not come here. Uses core, ring, doorbells and held_ageing_ms.
--
-- Keys under the root
--   :tn:<tenant>  hash  w window · m most running tasks, '' = any · q queued · r running · b stored
--                       bytes · d day (of UTC, since 1970) of k, its tokens · g:<queue> rung ·
--                       t:<queue> 0 when the highest level has the turn, not those risen to it
--   :th:<tenant>:<queue>  zset  held tasks by level, the highest first, then by the instant held
--   :tq:<tenant>  set   queues with held tasks     :holding  zset  tenants that hold tasks, by name
-- Invariant: a ready task is in :qr and counted in g, or held; after a call nothing is held that may ring.
local LEVEL_SCORE = 1e13

local function tenantOf(task)
  return string.sub(task, 1, string.find(task, ':', 1, true) - 1)
end

local function isQueued(state)
  return state == QUEUED or state == RETRY_WAIT
end

-- Moves a task between the counts of its tenant; `was` 0 = new.
local function tally(task, was, state)
  local key = root .. ':tn:' .. tenantOf(task)
  local queued = (isQueued(state) and 1 or 0) - (isQueued(was) and 1 or 0)
  local running = (state == RUNNING and 1 or 0) - (was == RUNNING and 1 or 0)
  if queued ~= 0 then redis.call('HINCRBY', key, 'q', queued) end
  if running ~= 0 then redis.call('HINCRBY', key, 'r', running) end
end

local function countBytes(tenant, by)
  if by ~= 0 then redis.call('HINCRBY', root .. ':tn:' .. tenant, 'b', by) end
end

local function today()
  return math.floor(now / 86400000)
end

local function countTokens(task, tokens)
  if tokens == 0 then return end
  local key = root .. ':tn:' .. tenantOf(task)
  if tonumber(redis.call('HGET', key, 'd') or '-1') ~= today() then
    redis.call('HSET', key, 'd', today(), 'k', tokens)
  else
    redis.call('HINCRBY', key, 'k', tokens)
  end
end

local function hold(task, t)
  local tenant = tenantOf(task)
  local level = t.pr >= 1 and t.pr <= 4 and t.pr or 2
  redis.call('ZADD', root .. ':th:' .. tenant .. ':' .. t.q, 'NX', (4 - level) * LEVEL_SCORE + now, task)
  if redis.call('SADD', root .. ':tq:' .. tenant, t.q) == 1 then
    redis.call('ZADD', root .. ':holding', 0, tenant)
  end
end

unhold = function(task, queue)
  local tenant = tenantOf(task)
  local line = root .. ':th:' .. tenant .. ':' .. queue
  if redis.call('ZREM', line, task) == 0 or redis.call('EXISTS', line) == 1 then return end
  redis.call('SREM', root .. ':tq:' .. tenant, queue)
  if redis.call('EXISTS', root .. ':tq:' .. tenant) == 0 then redis.call('ZREM', root .. ':holding', tenant) end
end

-- The next to ring of a line: the head of the highest level, in turn with the longest held of those that
-- have risen to it (held-order.ts). Nil when nothing is held.
local function nextHeld(key, queue, line)
  local top, topLevel, risen, risenSince
  for level = 4, 1, -1 do
    local base = (4 - level) * LEVEL_SCORE
    local head = redis.call('ZRANGEBYSCORE', line, base, '(' .. base + LEVEL_SCORE, 'WITHSCORES', 'LIMIT', 0, 1)
    if head[1] and not top then
      top, topLevel = head[1], level
    elseif head[1] then
      local since = tonumber(head[2]) - base
      local hasRisen = level + math.floor((now - since) / held_ageing_ms) >= topLevel
      if hasRisen and (not risen or since < risenSince) then risen, risenSince = head[1], since end
    end
  end
  if not risen then return top end
  local isTops = redis.call('HGET', key, 't:' .. queue) == '0'
  redis.call('HSET', key, 't:' .. queue, isTops and '1' or '0')
  return isTops and top or risen
end

-- Lets ring what may of a tenant's tasks in a queue, at most `limit`; answers how many.
local function letRingIn(tenant, queue, limit)
  local key, line = root .. ':tn:' .. tenant, root .. ':th:' .. tenant .. ':' .. queue
  local f = redis.call('HMGET', key, 'w', 'm', 'r', 'g:' .. queue)
  local rung = tonumber(f[4] or 0)
  local places = tonumber(f[1]) - rung
  if f[2] ~= '' then places = math.min(places, tonumber(f[2]) - tonumber(f[3] or 0) - rung) end
  local count = 0
  while count < math.min(places, limit) do
    local task = nextHeld(key, queue, line)
    if not task then break end
    unhold(task, queue)
    local t = read(task)
    -- One that was deleted by hand is dropped.
    if t and t.st == QUEUED then
      count = count + 1
      redis.call('HINCRBY', key, 'g:' .. queue, 1)
      redis.call('ZADD', root .. ':qr:' .. queue, 0, readyName(task))
      ring(task, bellOf(task, t))
    end
  end
  return count
end

-- The same in all queues.
local function letRing(tenant, limit)
  for _, queue in ipairs(redis.call('SMEMBERS', root .. ':tq:' .. tenant)) do
    limit = limit - letRingIn(tenant, queue, limit)
  end
end

-- Of a task that has become ready.
lineUp = function(task, t)
  if redis.call('ZSCORE', root .. ':qr:' .. t.q, readyName(task)) then return end
  hold(task, t)
  letRingIn(tenantOf(task), t.q, math.huge)
end

-- Whether a task is ready as far as its tenant goes: one that may not run now is held.
local function mayRun(task, t)
  if not redis.call('ZSCORE', root .. ':qr:' .. t.q, readyName(task)) then return false end
  local f = redis.call('HMGET', root .. ':tn:' .. tenantOf(task), 'm', 'r')
  if f[1] == '' or tonumber(f[2] or 0) < tonumber(f[1]) then return true end
  unready(task, t)
  hold(task, t)
  return false
end
