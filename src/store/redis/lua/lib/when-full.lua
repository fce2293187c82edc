-- For scripts that must go on when Redis has reached its maxmemory: what was accepted has to end, and
-- the sweep has to make room. Redis lets a script pass whose first write takes no memory, as this one.
-- https://github.com/redis/redis/blob/7.0/src/script.c (scriptVerifyOOM). Uses core.
redis.call('DEL', root .. ':nothing')
