-- In place of now.lua in tests only: the server's time plus <root>:clock-shift milliseconds, so that
-- a test can let hours pass. Never part of a script in production.
local clock = redis.call('TIME')
local micros = clock[1] * 1000000 + clock[2]
  + tonumber(redis.call('GET', KEYS[1] .. ':clock-shift') or '0') * 1000
