-- Deliveries in the hands of consumers, and how they come back. Behind queue-state.lua in the queue's
-- library.
--
-- Invariant: a message is settled once; settling what is not held does nothing.

local MAX_SUSPECTS, MAX_RECLAIMED = 16, 4

-- The queue, the message and the order of a delivery; nil when it is not held.
local function held_by(key, message_id)
  local held = redis.call('HGET', key, message_id)
  if not held then return nil end
  local given, name, at = struct.unpack('>dBc0', held)
  return queue_of(name), string.sub(held, at), given
end

local function settle(key, message_id)
  local queue, message = held_by(key, message_id)
  if not queue then return nil end
  redis.call('HDEL', key, message_id)
  count(queue, 'u', -1)
  return queue, message
end

local function marked(message)
  return string.sub(message, 1, 2) .. '\1' .. string.sub(message, 4)
end

local function return_message(queue, message, delay_ms)
  count(queue, 'w' .. string.byte(message, 1), 1)
  if delay_ms > 0 then redis.call('ZADD', root .. 'delayed:' .. queue.name, now + delay_ms, message)
  else put_back(queue, message) end
end

-- Ends a consumer: what it held goes back, the last one given first, so that heads keep their order.
local function reclaim(consumer_id, touched)
  local key = root .. 'held:' .. consumer_id
  local all = {}
  for _, message_id in ipairs(redis.call('HKEYS', key)) do
    local queue, message, given = held_by(key, message_id)
    all[#all + 1] = { queue = queue, message = message, given = given }
  end
  table.sort(all, function(one, other) return one.given > other.given end)
  for _, each in ipairs(all) do
    count(each.queue, 'u', -1)
    return_message(each.queue, marked(each.message), 0)
    touched[#touched + 1] = each.queue.name
  end
  local consumer = consumer_of(consumer_id)
  if consumer then
    for _, name in ipairs(consumer.queues) do redis.call('ZREM', root .. 'takers:' .. name, consumer_id) end
    if redis.call('HGET', root .. 'workers', consumer.worker) == consumer_id then
      redis.call('HDEL', root .. 'workers', consumer.worker)
    end
  end
  consumers[consumer_id] = false
  redis.call('DEL', key, root .. 'consumer:' .. consumer_id)
  redis.call('ZREM', root .. 'beats', consumer_id)
end

-- Consumers that have not been heard of for their time to live, or for a quarter of it and nobody
-- listens for them any more: their process is dead.
local function reclaim_dead(ttl_ms, touched)
  local suspects = redis.call('ZRANGEBYSCORE', root .. 'beats', '-inf', now - ttl_ms / 4, 'WITHSCORES',
    'LIMIT', 0, MAX_SUSPECTS)
  local left = MAX_RECLAIMED
  for at = 1, #suspects, 2 do
    local id, heard_at = suspects[at], tonumber(suspects[at + 1])
    local is_dead = heard_at <= now - ttl_ms
      or redis.call('PUBSUB', 'NUMSUB', root .. 'to:' .. id)[2] == 0
    if is_dead and left > 0 then
      reclaim(id, touched)
      left = left - 1
    end
  end
end

-- Returns delayed messages that are due to these queues. Answers in how many ms the next one is; -1
-- when none is delayed.
local function end_delays(names)
  local due_in_ms = -1
  for _, name in ipairs(names) do
    local key = root .. 'delayed:' .. name
    for _ = 1, MAX_STEPS do
      local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
      if #first == 0 then break end
      local left_ms = tonumber(first[2]) - now
      if left_ms > 0 then
        if due_in_ms < 0 or left_ms < due_in_ms then due_in_ms = left_ms end
        break
      end
      redis.call('ZREM', key, first[1])
      put_back(queue_of(name), first[1])
    end
  end
  return due_in_ms
end
