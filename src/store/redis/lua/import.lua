-- Puts a session's context in place.
--
-- KEYS[1] root. ARGV: 1 session · 2 '1' to overwrite · 3 context · 4 version · 5 message count ·
-- 6 created and 7 updated as "seconds nanos", or '' for now
-- Returns {'BUSY', count} · {'EXISTS'} · {'CLOSED'} · {'OK'}.
-- Invariant: never under a running or waiting task.
local session = ARGV[1]
if isClosed(tenantOf(session)) then return { 'CLOSED' } end
local waiting = redis.call('LLEN', root .. ':sl:' .. session)
if waiting > 0 then return { 'BUSY', waiting } end
if ARGV[2] ~= '1' and redis.call('HEXISTS', root .. ':s:' .. session, 'x') == 1 then return { 'EXISTS' } end
local createdAt = ARGV[6] ~= '' and ARGV[6] or instant()
local updatedAt = ARGV[7] ~= '' and ARGV[7] or instant()
keepContext(session, ARGV[3], ARGV[4], ARGV[5], createdAt, updatedAt)
return { 'OK' }
