-- flags: no-writes
-- Tasks by name, as many as fit, the first of them at least.
--
-- KEYS[1] root. ARGV: 1 most bytes · then tasks
-- Returns for each of the first tasks the shown task or nil.
-- Invariant: reads only.
local answers, left = {}, tonumber(ARGV[1])
for i = 2, #ARGV do
  local f = shown(ARGV[i])
  left = left - (f and shownBytes(f) or 0)
  if left < 0 and i > 2 then break end
  answers[i - 1] = f
end
return answers
