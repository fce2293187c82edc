-- flags: no-writes
-- Figures of a queue.
--
-- KEYS[1] root. ARGV: 1 queue
-- Returns {ready count, queued, running, retryWait, dead, completed, failed, attempts, attemptMs}.
-- Invariant: reads only.
local counts = redis.call('HMGET', root .. ':q:' .. ARGV[1], 'queued', 'running', 'retryWait', 'dead',
  'completed', 'failed', 'attempts', 'attemptMs')
local answers = { redis.call('ZCARD', root .. ':qr:' .. ARGV[1]) }
for i = 1, 8 do answers[i + 1] = counts[i] or '0' end
return answers
