-- Behind queue-state.lua: rings doorbells from within a function that is not the queue's. Uses
-- max_length of a queue, ageing_interval_ms and, of the store's core.lua, plain.

local function varint(value)
  local bytes = ''
  while value >= 128 do
    bytes = bytes .. string.char(value % 128 + 128)
    value = math.floor(value / 128)
  end
  return bytes .. string.char(value)
end

local function field(tag, text)
  return text == '' and '' or tag .. varint(#text) .. text
end

-- Headers are JSON, or '' without any.
local function headers_of(json)
  if json == '' then return '' end
  local fields = {}
  for name, value in pairs(cjson.decode(json)) do
    fields[#fields + 1] = field('\42', field('\10', name) .. field('\18', value))
  end
  return table.concat(fields)
end

local function priority_of(priority)
  return priority >= 1 and priority <= 4 and priority or 2
end

-- QueueMessage of proto/agentlane/store/v1/record.proto; its published_at is a Timestamp.
local function payload_of(tenant, task_id, bell)
  local nanos = now % 1000 * 1000000
  local published_at = '\8' .. varint(math.floor(now / 1000)) .. (nanos > 0 and '\16' .. varint(nanos) or '')
  return field('\10', plain(tenant)) .. field('\18', plain(task_id)) .. field('\26', bell[2])
    .. '\32' .. varint(bell[3]) .. headers_of(bell[5]) .. field('\50', bell[4]) .. field('\58', published_at)
end

local names

-- A doorbell as lib/doorbells.lua of the store makes it. False when its queue is full.
local function publish(id, tenant, task_id, bell)
  local queue = queue_of(bell[2])
  if queue.waiting >= max_length then return false end
  queue.waiting = queue.waiting + 1
  local preferred = #bell[4] > 255 and '' or bell[4]
  if not offer(queue, priority_of(bell[3]), id, preferred, payload_of(tenant, task_id, bell)) then
    names[#names + 1] = bell[2]
  end
  return true
end

-- A consumer that nobody listens for gets nothing until it is heard of again.
local function is_heard(consumer)
  if consumer.is_heard then return true end
  consumer.is_heard = redis.call('PUBSUB', 'NUMSUB', root .. 'to:' .. consumer.id)[2] > 0
  if consumer.is_heard then return true end
  consumer.credit, consumer.changed = consumer.given, true
  stand_in_line(consumer)
  return false
end

-- The consumer that would be given a message of this queue now, if it is one for which it may be
-- claimed.
local function claimant(name, preferred)
  local queue = queue_of(name)
  local first = queue.ready <= 0 and first_taker(queue)
  local consumer = first and taker_for(queue, preferred, first)
  return consumer and consumer.lease and is_heard(consumer) and consumer or nil
end

-- Gives a claimant a delivery of kind 2: it is claimed, what that says is its payload, and nobody holds
-- it for the consumer but the claim's lease.
local function hand(consumer, id, payload)
  consumer.given, consumer.changed = consumer.given + 1, true
  consumer.deliveries[#consumer.deliveries + 1] = { frame = struct.pack('>BBc0I', 2, #id, id, #payload) .. payload }
  stand_in_line(consumer)
end

-- A consumer can take one more: what waits for it is given at the end of the call.
local function make_room(id)
  local consumer = consumer_of(id)
  if not consumer then return end
  consumer.credit, consumer.changed = consumer.credit + 1, true
  if consumer.credit == consumer.given + 1 then stand_in_line(consumer) end
  for _, name in ipairs(consumer.queues) do
    local queue = queue_of(name)
    if queue.ready > 0 and not queue.is_named then
      queue.is_named = true
      names[#names + 1] = name
    end
  end
end

-- Gives a worker nothing until it is heard of again. False when it is not even connected.
local function pass_over(worker)
  local id = redis.call('HGET', root .. 'workers', worker)
  local consumer = id and consumer_of(id)
  if not consumer or not is_heard(consumer) then return false end
  consumer.credit, consumer.changed = consumer.given, true
  stand_in_line(consumer)
  return true
end

-- Once, at the end of a call.
local function flush()
  dispatch(names)
  deliver('')
  write_changes()
end

local line = {
  publish = publish, claimant = claimant, hand = hand, make_room = make_room, pass_over = pass_over, flush = flush,
}

-- Before the first doorbell of a call.
openLine = function(queue_root, micros)
  begin_queues(queue_root, micros, ageing_interval_ms)
  names = {}
  return line
end
