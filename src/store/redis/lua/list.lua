-- flags: no-writes
-- One step through tasks in accept order, newest first, as many as fit, the first of them at least.
--
-- KEYS[1] root. ARGV: 1 index below the root, ":a:…" or ":st:…" · 2 tenant · 3 upper bound of the
-- order as ZREVRANGEBYSCORE takes it · 4 tasks to look at · 5 agent or '' · 6 end of the session name
-- or '' · 7 states as ",1,2," or '' · 8 most tasks · 9 most bytes
-- Returns {1 if the index ends here, order of the last one looked at, then order, bytes and shown task
-- of each that fits}.
-- Invariant: reads only.
local found = redis.call('ZREVRANGEBYSCORE', root .. ARGV[1], ARGV[3], '-inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
local answers = { #found < 2 * tonumber(ARGV[4]) and 1 or 0, '' }
local count, left = tonumber(ARGV[8]), tonumber(ARGV[9])
for i = 1, #found, 2 do
  local task = ARGV[2] .. ':' .. found[i]
  local t = read(task)
  local fits = t and (ARGV[5] == '' or t.ag == ARGV[5])
    and (ARGV[6] == '' or string.sub(t.s, -#ARGV[6]) == ARGV[6])
    and (ARGV[7] == '' or string.find(ARGV[7], ',' .. t.st .. ',', 1, true))
  if fits then
    local f = shown(task)
    local bytes = shownBytes(f)
    if count == 0 or (bytes > left and #answers > 2) then
      answers[1] = 0
      break
    end
    count, left = count - 1, left - bytes
    answers[#answers + 1] = found[i + 1]
    answers[#answers + 1] = bytes
    answers[#answers + 1] = f
  end
  answers[2] = found[i + 1]
end
return answers
