-- The registry of workers. Uses core.

local function dropWorker(worker)
  for _, name in ipairs(redis.call('HKEYS', root .. ':wi:' .. worker)) do
    local tenant, session = string.match(name, '^(%S*) (.*)$')
    redis.call('ZREM', root .. ':ix:' .. tenant, session .. ' ' .. worker)
  end
  redis.call('DEL', root .. ':wi:' .. worker)
  redis.call('HDEL', root .. ':worker', worker)
  redis.call('ZREM', root .. ':workers', worker)
end

-- Workers that have not reported for their time are gone, and their instances with them.
local function dropSilentWorkers()
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', root .. ':workers', '-inf', now)) do
    dropWorker(worker)
  end
end
