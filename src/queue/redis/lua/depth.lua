-- flags: no-writes
-- The figures of a queue.
--
-- KEYS[1]  the root (see queue-state.lua)
-- ARGV[1]  the queue
-- Returns  { waiting at priority 1, 2, 3, 4, unsettled, dead letters, ms when the oldest waiting
--          message was published as a string ('' = none waits) }
--
-- Invariant: writes nothing. Of many delayed messages only the first due are looked at for the oldest.

local name = ARGV[1]
local MAX_DELAYED = 100
local counts = redis.call('HMGET', root .. 'counts:' .. name, 'w1', 'w2', 'w3', 'w4', 'u', 'x')
local oldest
local function see(message)
  local ok, _, _, _, _, published_at = pcall(struct.unpack, '>BBBdd', message)
  if ok and (not oldest or published_at < oldest) then oldest = published_at end
end
for level = 1, 4 do
  for _, kind in ipairs({ 'p', 'r' }) do
    local head = redis.call('LINDEX', root .. 'line:' .. level .. ':' .. kind .. ':' .. name, 0)
    if head then see(head) end
  end
end
for _, message in ipairs(redis.call('ZRANGE', root .. 'delayed:' .. name, 0, MAX_DELAYED - 1)) do
  see(message)
end
local answer = {}
for index = 1, 6 do answer[index] = tonumber(counts[index] or 0) end
answer[7] = oldest and string.format('%.0f', oldest) or ''
return answer
