-- flags: no-writes
-- Entries of a task's log, as many as fit, the first of them at least.
--
-- KEYS[1] root. ARGV: 1 task · 2 after sequence · 3 limit · 4 most bytes
-- Returns nil · {state, first sequence kept, last sequence, entries}.
-- Invariant: reads only.
local task = ARGV[1]
local t = read(task)
if not t then return false end
local from = math.max(0, tonumber(ARGV[2]) + 1 - t.fs)
return { t.st, t.fs, lastSequence(task, t), logPart(task, from, tonumber(ARGV[3]), tonumber(ARGV[4])) }
