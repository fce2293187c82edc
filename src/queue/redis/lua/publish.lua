-- Publishes messages; those that a consumer waits for are handed to it at once.
--
-- KEYS[1]  the root (see queue-state.lua)
-- ARGV     operation id; maximum length of a queue; ageing interval (ms); number of groups; then for
--          each message, the most urgent first: its group (1-based), queue, level (1..4), preferred
--          worker ('' = none), message id, payload
-- Returns  for each group '' or the name of the queue that is full; of such a group nothing is added
--
-- Invariant: a repeat with the same operation id adds nothing and answers the same.

local operation = root .. 'op:' .. ARGV[1]
local OPERATION_TTL_MS = 10000
local max_length = tonumber(ARGV[2])
ageing_ms = tonumber(ARGV[3])
local group_count = tonumber(ARGV[4])
local FIRST, STEP = 5, 6

local added, answer = {}, {}
for group = 1, group_count do
  added[group] = {}
  answer[group] = ''
end
-- Nothing is full as a rule, and then nothing is kept but that it was so.
local known = redis.call('GET', operation)
if known then return known == '' and answer or cjson.decode(known) end

local is_full = false
for at = FIRST, #ARGV, STEP do
  local group, name = tonumber(ARGV[at]), ARGV[at + 1]
  added[group][name] = (added[group][name] or 0) + 1
end
for group = 1, group_count do
  for name, number in pairs(added[group]) do
    if queue_of(name).waiting + number > max_length then
      answer[group] = name
      is_full = true
    end
  end
  if answer[group] == '' then
    for name, number in pairs(added[group]) do
      local queue = queue_of(name)
      queue.waiting = queue.waiting + number
    end
  end
end

local names = {}
for at = FIRST, #ARGV, STEP do
  if answer[tonumber(ARGV[at])] == '' then
    local queue, level = queue_of(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local taken = offer(queue, level, ARGV[at + 4], ARGV[at + 3], ARGV[at + 5])
    if not taken and not queue.is_named then
      queue.is_named = true
      names[#names + 1] = queue.name
    end
  end
end

dispatch(names)
deliver('')
write_changes()
redis.call('SET', operation, is_full and cjson.encode(answer) or '', 'PX', OPERATION_TTL_MS)
return answer
