-- Tenants of which nothing new is accepted. Uses core and closed_for_ms.
--
-- Keys under the root
--   :closed  zset  tenants by the instant that ends it; being_deleted while that is not known
local being_deleted = 9e15

local function isClosed(tenant)
  local till = redis.call('ZSCORE', root .. ':closed', tenant)
  return till and tonumber(till) > now or false
end
