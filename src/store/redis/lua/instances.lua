-- flags: allow-oom
-- A page of a tenant's instances by session and worker.
--
-- KEYS[1] root. ARGV: 1 tenant · 2 lower and 3 upper bound of all that fit, as ZRANGEBYLEX takes them ·
-- 4 lower bound of the page · 5 limit · 6 worker or ''
-- Returns {total count, then name and Instance of each}.
-- Invariant: reads only, but for workers that are gone.
dropSilentWorkers()
local index = root .. ':ix:' .. ARGV[1]
local names, total = {}, 0
local limit = tonumber(ARGV[5])
if ARGV[6] == '' then
  total = redis.call('ZLEXCOUNT', index, ARGV[2], ARGV[3])
  names = redis.call('ZRANGEBYLEX', index, ARGV[4], ARGV[3], 'LIMIT', 0, limit)
else
  local after = string.sub(ARGV[4], 1, 1) == '(' and string.sub(ARGV[4], 2) or ''
  local suffix = ' ' .. ARGV[6]
  for _, name in ipairs(redis.call('ZRANGEBYLEX', index, ARGV[2], ARGV[3])) do
    if string.sub(name, -#suffix) == suffix then
      total = total + 1
      if name > after and #names < limit then names[#names + 1] = name end
    end
  end
end
local answers = { total }
for _, name in ipairs(names) do
  local session, worker = string.match(name, '^(.*) (%S*)$')
  answers[#answers + 1] = name
  answers[#answers + 1] = redis.call('HGET', root .. ':wi:' .. worker, ARGV[1] .. ' ' .. session)
end
return answers
