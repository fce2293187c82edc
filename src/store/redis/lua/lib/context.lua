-- Keeping a session's context. Uses core.

local function instant()
  return math.floor(now / 1000) .. ' ' .. (now % 1000) * 1000000
end

-- Answers the etag. It names the instant too: after a loss of data the counter begins anew.
local function keepContext(session, context, version, messageCount, createdAt, updatedAt)
  local used = redis.call('INCR', root .. ':order')
  local etag = used .. '-' .. now
  redis.call('HSET', root .. ':s:' .. session, 'x', context, 'v', version, 'e', etag,
    'm', messageCount, 'ca', createdAt, 'ua', updatedAt, 'u', used)
  local colon = string.find(session, ':', 1, true)
  local tenant = string.sub(session, 1, colon - 1)
  redis.call('ZADD', root .. ':su:' .. tenant, used, string.sub(session, colon + 1))
  return etag
end
