-- flags: no-writes
-- One step through tasks in accept order, newest first.
--
-- KEYS[1] root. ARGV: 1 index below the root, ":a:…" or ":st:…" · 2 tenant · 3 upper bound of the
-- order as ZREVRANGEBYSCORE takes it · 4 tasks to look at · 5 agent or '' · 6 end of the session name
-- or '' · 7 states as ",1,2," or ''
-- Returns {count looked at, order of the last one, then order and shown task of each that fits}.
-- Invariant: reads only.
local found = redis.call('ZREVRANGEBYSCORE', root .. ARGV[1], ARGV[3], '-inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
local answers = { #found / 2, found[#found] or '' }
for i = 1, #found, 2 do
  local task = ARGV[2] .. ':' .. found[i]
  local f = redis.call('HMGET', root .. ':t:' .. task, 'p', 'c', 'o', 'a')
  local t = f[2] and cmsgpack.unpack(f[2])
  local fits = t and (ARGV[5] == '' or t.ag == ARGV[5])
    and (ARGV[6] == '' or string.sub(t.s, -#ARGV[6]) == ARGV[6])
    and (ARGV[7] == '' or string.find(ARGV[7], ',' .. t.st .. ',', 1, true))
  if fits then
    f[5] = redis.call('LLEN', root .. ':l:' .. task)
    answers[#answers + 1] = found[i + 1]
    answers[#answers + 1] = f
  end
end
return answers
