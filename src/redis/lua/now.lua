-- The server's time, never the client's.
local clock = redis.call('TIME')
local micros = clock[1] * 1000000 + clock[2]
