-- flags: no-writes
-- API keys by id.
--
-- KEYS[1] root. ARGV: 1 tenant, or '' for all · 2 lower bound of the id as ZRANGEBYLEX takes it · 3 limit
-- Returns {record, revoked, used} of each, the instants as text or nil.
-- Invariant: reads only.
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYLEX', root .. ':aks', ARGV[2], '+')) do
  local f = redis.call('HMGET', root .. ':ak:' .. id, 'x', 'r', 'u', 't')
  if ARGV[1] == '' or f[4] == ARGV[1] then found[#found + 1] = { f[1], f[2], f[3] } end
  if #found == tonumber(ARGV[3]) then break end
end
return found
