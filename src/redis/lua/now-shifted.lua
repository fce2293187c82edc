-- In place of now.lua in tests only: the server's time plus <root>:clock-shift milliseconds, so that
-- a test can let hours pass. Never part of a library in production.
local function server_micros(root)
  local clock = redis.call('TIME')
  return clock[1] * 1000000 + clock[2]
    + tonumber(redis.call('GET', root .. ':clock-shift') or '0') * 1000
end
