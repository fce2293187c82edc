-- Keeping a session's context. Uses core and tenants.

local function instant()
  return math.floor(now / 1000) .. ' ' .. (now % 1000) * 1000000
end

-- What a context takes counts for the tenant, if that is known to have limits.
local function countContext(session, context)
  local tenant = tenantOf(session)
  local known = redis.call('HGET', root .. ':s:' .. session, 'tb')
  if not known and redis.call('EXISTS', root .. ':tn:' .. tenant) == 0 then return end
  countBytes(tenant, #context - tonumber(known or 0))
  redis.call('HSET', root .. ':s:' .. session, 'tb', #context)
end

-- Answers the etag. It names the instant too: after a loss of data the counter begins anew.
local function keepContext(session, context, version, messageCount, createdAt, updatedAt)
  local used = redis.call('INCR', root .. ':order')
  local etag = used .. '-' .. now
  countContext(session, context)
  redis.call('HSET', root .. ':s:' .. session, 'x', context, 'v', version, 'e', etag,
    'm', messageCount, 'ca', createdAt, 'ua', updatedAt, 'u', used)
  local colon = string.find(session, ':', 1, true)
  local tenant = string.sub(session, 1, colon - 1)
  redis.call('ZADD', root .. ':su:' .. tenant, used, string.sub(session, colon + 1))
  redis.call('ZADD', root .. ':used', now, session)
  return etag
end

-- Forgets a session's context; its tasks keep what else they need of it.
local function dropContext(session)
  local colon = string.find(session, ':', 1, true)
  redis.call('ZREM', root .. ':used', session)
  countBytes(tenantOf(session), -tonumber(redis.call('HGET', root .. ':s:' .. session, 'tb') or 0))
  redis.call('ZREM', root .. ':su:' .. string.sub(session, 1, colon - 1), string.sub(session, colon + 1))
  if redis.call('EXISTS', root .. ':st:' .. session) == 0 then
    redis.call('DEL', root .. ':s:' .. session)
  else
    redis.call('HDEL', root .. ':s:' .. session, 'x', 'v', 'e', 'm', 'ca', 'ua', 'u', 'tb')
  end
end
