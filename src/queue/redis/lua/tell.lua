-- Publishes notices.
--
-- KEYS[1]  the root (see queue-state.lua)
-- ARGV     for each notice its channel and its payload
-- Returns  1
--
-- Invariant: keeps no state; their order is that of the arguments.

for at = 1, #ARGV, 2 do redis.call('PUBLISH', ARGV[at], ARGV[at + 1]) end
return 1
