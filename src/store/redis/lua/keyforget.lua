-- flags: allow-oom
-- Deletes the API keys of a tenant.
--
-- KEYS[1] root. ARGV: 1 tenant
-- Returns their ids.
local forgotten = {}
for _, id in ipairs(redis.call('ZRANGE', root .. ':aks', 0, -1)) do
  if redis.call('HGET', root .. ':ak:' .. id, 't') == ARGV[1] then
    redis.call('DEL', root .. ':ak:' .. id)
    redis.call('ZREM', root .. ':aks', id)
    redis.call('ZREM', root .. ':aks-dead', id)
    forgotten[#forgotten + 1] = id
  end
end
return forgotten
