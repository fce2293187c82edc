-- flags: allow-oom
-- All that a consumer has to say and to hear, in one round trip: what it settled, how many more
-- deliveries it can take, and what there is for it.
--
-- KEYS[1]  the root (see queue-state.lua)
-- ARGV     mode: open (first call) | go | beat (also: what is held, who is dead) | close
--          consumer id; worker id; queues as JSON; credit; ageing interval (ms); time to live (ms);
--          lease (ms) with which what it is given may be claimed for it ('' = it claims by itself)
--          number of acks, their message ids
--          number of nacks, each: message id, delay (ms), 1 = mark as redelivered | 0
--          number of unreadable ones, their message ids
--          number of lost ones to deliver again, their message ids
-- Returns  { 'ok' | 'gone', frames, ms until a delayed message is due or -1, held ids (beat only), now }
--          frame: B redelivered, B+c0 message id, I+c0 payload. gone = reclaimed or never opened.
--
-- credit and given count from the consumer's beginning: credit is what it can have taken, given what
-- it was given, so that the difference is its free calls and a repeat gives nothing twice. A delivery
-- whose reply or push was lost stays in the held: the consumer misses it in the answer of a beat.
--
-- Invariant: a message is settled once; settling what is not held does nothing.

local position = 0
local function next_argument()
  position = position + 1
  return ARGV[position]
end
local function next_list(width)
  local list = {}
  for index = 1, tonumber(next_argument()) * width do list[index] = next_argument() end
  return list
end

local mode, id, worker = next_argument(), next_argument(), next_argument()
local queues_json = next_argument()
local names = decoded(queues_json)
local credit = tonumber(next_argument())
ageing_ms = tonumber(next_argument())
local ttl_ms = tonumber(next_argument())
local lease = next_argument()
local acks, nacks, unreadable, lost = next_list(1), next_list(3), next_list(1), next_list(1)
local held_key = root .. 'held:' .. id

local consumer = consumer_of(id)
if not consumer then
  if mode == 'close' then return { 'ok', '', -1, {}, now } end
  if mode ~= 'open' then return { 'gone', '', -1, {}, now } end
  redis.call('HSET', root .. 'consumer:' .. id, 'worker', worker, 'queues', queues_json,
    'credit', 0, 'given', 0, 'lease', lease)
  consumers[id] = nil
  consumer = consumer_of(id)
end

local touched = {}
for _, name in ipairs(names) do touched[#touched + 1] = name end
for _, message_id in ipairs(acks) do settle(held_key, message_id) end
for at = 1, #nacks, 3 do
  local queue, message = settle(held_key, nacks[at])
  if queue then
    if nacks[at + 2] == '1' then message = marked(message) end
    return_message(queue, message, tonumber(nacks[at + 1]))
  end
end
for _, message_id in ipairs(unreadable) do
  local queue, message = settle(held_key, message_id)
  if queue then bury(queue, message) end
end

local again = {}
for _, message_id in ipairs(lost) do
  local _, message = held_by(held_key, message_id)
  if message then
    local _, redelivered, _, _, rest_at = parse(message)
    again[#again + 1] = frame_of(message, redelivered, message_id, rest_at)
  end
end

local due_in_ms = end_delays(names)
if mode == 'close' then reclaim(id, touched)
else
  redis.call('ZADD', root .. 'beats', now, id)
  consumer.changed = consumer.credit ~= credit
  consumer.credit = credit
  if credit > consumer.given then
    redis.call('HSET', root .. 'workers', worker, id)
    for _, name in ipairs(names) do redis.call('ZADD', root .. 'takers:' .. name, 'NX', order, id) end
  else stand_in_line(consumer) end
end
if mode == 'beat' then reclaim_dead(ttl_ms, touched) end

dispatch(touched)
local frames = table.concat(again) .. deliver(id)
write_changes()
return { 'ok', frames, due_in_ms, mode == 'beat' and redis.call('HKEYS', held_key) or {}, now }
