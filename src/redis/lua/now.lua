-- The server's time in microseconds, never the client's.
local function server_micros()
  local clock = redis.call('TIME')
  return clock[1] * 1000000 + clock[2]
end
