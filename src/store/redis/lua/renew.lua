-- flags: allow-oom
-- Extends leases.
--
-- KEYS[1] root. ARGV: 1 lease ms · then task and fence of each lease
-- Returns for each lease 0 (not valid), 1, or {cancel mode, reason}.
-- Invariant: only the newest fence of a running task is extended; an ended lease that nobody acted
-- upon is still its holder's.
local answers = {}
for i = 2, #ARGV, 2 do
  local task = ARGV[i]
  local t = read(task)
  local answer = 0
  if t and t.st == RUNNING and t.f == tonumber(ARGV[i + 1]) then
    redis.call('ZADD', root .. ':leases', now + tonumber(ARGV[1]), task)
    if t.uc then
      t.uc = nil
      keep(task, t)
    end
    answer = t.cm and { t.cm, t.cw } or 1
  end
  answers[#answers + 1] = answer
end
return answers
