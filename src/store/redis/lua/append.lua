-- flags: allow-oom
-- Appends events to a running task's log.
--
-- KEYS[1] root. ARGV: 1 task · 2 fence · 3 after sequence · then TaskEvents
-- Returns {'LOST'} · {'GAP', last sequence} · {'OK', now, last sequence, count of events that were
-- there already, notices of those}.
-- Invariant: the log is dense; a position is written once, so a repeat changes nothing.
local task, after, count = ARGV[1], tonumber(ARGV[3]), #ARGV - 3
local t = read(task)
if not t or t.st ~= RUNNING or t.f ~= tonumber(ARGV[2]) then return { 'LOST' } end
local last = lastSequence(task, t)
if after < t.aq or after > last then return { 'GAP', last } end
local known = math.min(count, last - after)
if known > 0 then tellAgain(task, t, after, after + known) end
if known == count then return { 'OK', now, after + count, count, notices } end
local entries = {}
for i = known + 1, count do entries[#entries + 1] = eventEntry(t, ARGV[3 + i]) end
last = write(task, t, entries)
announce(task, last - #entries + 1, entries)
return { 'OK', now, last, known, notices }
