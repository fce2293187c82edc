-- flags: no-writes
-- Tasks by name.
--
-- KEYS[1] root. ARGV: tasks
-- Returns for each the shown task or nil.
-- Invariant: reads only.
local answers = {}
for i = 1, #ARGV do answers[i] = shown(ARGV[i]) end
return answers
