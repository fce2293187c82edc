-- Ready tasks and their doorbells. Uses core, ring.

-- In :qr tasks are ordered by task id, so the id comes first. A space sorts before all that ids hold.
local function readyName(task)
  local colon = string.find(task, ':', 1, true)
  return string.sub(task, colon + 1) .. ' ' .. string.sub(task, 1, colon - 1)
end

local function bellOf(task, t)
  local worker = t.s ~= '' and redis.call('HGET', root .. ':s:' .. t.s, 'w') or ''
  local headers = t.h and redis.call('HGET', root .. ':t:' .. task, 'h') or ''
  -- Between tenants weight decides, not priority.
  return { task, t.q, t.tb and 2 or t.pr, worker, headers }
end

-- Of tenants.lua.
local lineUp, unhold

local function becomeReady(task, t)
  if t.tb then return lineUp(task, t) end
  if redis.call('ZADD', root .. ':qr:' .. t.q, 0, readyName(task)) == 1 then
    ring(task, bellOf(task, t))
  end
end

-- Answers whether the doorbell was still unconfirmed.
local function unready(task, t)
  local rang = redis.call('ZREM', root .. ':qr:' .. t.q, readyName(task)) == 1
  if t.tb and rang then
    local colon = string.find(task, ':', 1, true)
    redis.call('HINCRBY', root .. ':tn:' .. string.sub(task, 1, colon - 1), 'g:' .. t.q, -1)
  elseif t.tb then unhold(task, t.q) end
  return redis.call('ZREM', root .. ':unpublished', task) == 1
end
