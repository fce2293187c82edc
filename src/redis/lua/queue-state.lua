-- How a queue is kept, and how its messages find consumers. Part of the queue's library and, with
-- doorbells.lua behind it, of that of a store on the same Redis.
--
-- Every call starts with begin_queues. Its root is "{<prefix>}:mq:"; every key below starts with it
-- and so has the same hash tag:
--   line:<level>:<p|r>:<queue>  LIST   messages at a level, published there (p) or risen to it (r)
--   delayed:<queue>             ZSET   messages put back with a delay, by when they are due (ms)
--   takers:<queue>              ZSET   consumers with a free call, longest waiting first
--   counts:<queue>              HASH   w1..w4 waiting by priority, r of them in lines, u unsettled,
--                                      x dead letters ever, t1..t4 = 0 when the level's published
--                                      line has its turn, s when a message of a line was last
--                                      given out (microseconds)
--   dead:<queue>                LIST   the newest unreadable messages
--   consumer:<id>               HASH   worker, queues, credit, given, lease (see exchange.lua)
--   held:<id>                   HASH   message id -> its unsettled delivery
--   beats                       ZSET   consumers by when they were last heard of (ms)
--   workers                     HASH   worker id -> its consumer
--
-- A message is one string, so that moving it moves everything about it:
--   B priority, B level, B redelivered, d at the level since (ms), d published at (ms),
--   B+c0 id, B+c0 preferred worker, payload (Protobuf QueueMessage)
--
-- Invariant: a message is in exactly one of the lines, the delayed or the held; counts agree; and
-- no message waits in a line while its queue has a taker.

local HEAD = '>BBBdd'
local HEAD_BYTES = 19
local MAX_STEPS = 1000
local MAX_DEAD = 1000
local MAX_ROUNDS = 16

-- Of the call under way.
local root, ageing_ms, now, order
local queues, consumers, lists
-- By queue, the id of the one taker, where there is but one: nobody to take turns with.
local sole_takers

local function begin_queues(queue_root, micros, ageing_interval_ms)
  root, ageing_ms = queue_root, ageing_interval_ms
  now, order = math.floor(micros / 1000), micros
  queues, consumers, lists, sole_takers = {}, {}, {}, {}
end

local function queue_of(name)
  local queue = queues[name]
  if queue then return queue end
  local counts = redis.call('HMGET', root .. 'counts:' .. name, 'w1', 'w2', 'w3', 'w4', 'r', 's')
  queue = {
    name = name,
    changes = {},
    waiting = 0,
    ready = tonumber(counts[5] or 0),
    served_at = tonumber(counts[6] or 0),
  }
  for level = 1, 4 do queue.waiting = queue.waiting + tonumber(counts[level] or 0) end
  queues[name] = queue
  return queue
end

local function count(queue, field, by)
  queue.changes[field] = (queue.changes[field] or 0) + by
end

local function line_key(queue, level, kind)
  return root .. 'line:' .. level .. ':' .. kind .. ':' .. queue.name
end

local function lengths_of(queue)
  if not queue.lengths then
    local lengths = { p = { 0, 0, 0, 0 }, r = { 0, 0, 0, 0 } }
    if queue.ready > 0 then
      for level = 1, 4 do
        lengths.p[level] = redis.call('LLEN', line_key(queue, level, 'p'))
        lengths.r[level] = redis.call('LLEN', line_key(queue, level, 'r'))
      end
    end
    queue.lengths = lengths
  end
  return queue.lengths
end

local function insert(queue, command, level, kind, message)
  redis.call(command, line_key(queue, level, kind), message)
  if queue.lengths then queue.lengths[kind][level] = queue.lengths[kind][level] + 1 end
  queue.ready = queue.ready + 1
  count(queue, 'r', 1)
end

-- At the end of its priority.
local function append(queue, message, level)
  insert(queue, 'RPUSH', level, 'p', message)
end

-- To the head of the line it was taken from.
local function put_back(queue, message)
  local priority, level = struct.unpack('>BB', message)
  insert(queue, 'LPUSH', level, level > priority and 'r' or 'p', message)
end

local function removed(queue, level, kind)
  queue.lengths[kind][level] = queue.lengths[kind][level] - 1
end

-- What somebody else has written into a line was never counted as waiting.
local function is_message(bytes)
  local ok, priority, level = pcall(struct.unpack, '>BBBddBc0Bc0', bytes)
  return ok and priority >= 1 and priority <= 4 and level >= priority and level <= 4
end

local function bury(queue, bytes)
  count(queue, 'x', 1)
  redis.call('RPUSH', root .. 'dead:' .. queue.name, bytes)
  redis.call('LTRIM', root .. 'dead:' .. queue.name, -MAX_DEAD, -1)
end

-- The head of a line; nil for an empty one.
local function head_of(queue, level, kind)
  local key = line_key(queue, level, kind)
  for _ = 1, queue.lengths[kind][level] do
    local head = redis.call('LINDEX', key, 0)
    if not head or is_message(head) then return head or nil end
    bury(queue, redis.call('LPOP', key))
    removed(queue, level, kind)
  end
  return nil
end

-- Which line of a level has the message that has waited longest at it, and since when.
local function longest_waiting(queue, level)
  local lengths = lengths_of(queue)
  local best, best_since
  for _, kind in ipairs({ 'p', 'r' }) do
    local head = lengths[kind][level] > 0 and head_of(queue, level, kind)
    if head then
      local _, _, _, since = struct.unpack(HEAD, head)
      if not best or since < best_since then best, best_since = kind, since end
    end
  end
  return best, best_since
end

-- Messages that have waited an ageing interval at their level go to the next one. Lines are in the
-- order of the coming to the level, so only heads can be due.
local function rise(queue)
  if queue.has_risen then return end
  queue.has_risen = true
  local steps = 0
  for level = 1, 3 do
    while steps < MAX_STEPS do
      local kind, since = longest_waiting(queue, level)
      if not kind or since + ageing_ms > now then break end
      local message = redis.call('LPOP', line_key(queue, level, kind))
      removed(queue, level, kind)
      local priority, _, redelivered, _, published_at = struct.unpack(HEAD, message)
      local head = struct.pack(HEAD, priority, level + 1, redelivered, since + ageing_ms, published_at)
      redis.call('RPUSH', line_key(queue, level + 1, 'r'), head .. string.sub(message, HEAD_BYTES + 1))
      queue.lengths.r[level + 1] = queue.lengths.r[level + 1] + 1
      steps = steps + 1
    end
  end
end

-- The level of the message that would be taken next; nil when there is none.
local function top_level(queue)
  if queue.ready <= 0 then return nil end
  rise(queue)
  local lengths = lengths_of(queue)
  for level = 4, 1, -1 do
    if lengths.p[level] + lengths.r[level] > 0 then return level end
  end
  return nil
end

-- Published and risen messages of a level take turns. Nil when it was no message.
local function take(queue, level)
  local lengths = queue.lengths
  local from_risen = lengths.p[level] == 0
  if lengths.p[level] > 0 and lengths.r[level] > 0 then
    local counts, turn = root .. 'counts:' .. queue.name, 't' .. level
    from_risen = redis.call('HGET', counts, turn) ~= '0'
    redis.call('HSET', counts, turn, from_risen and '0' or '1')
  end
  local kind = from_risen and 'r' or 'p'
  local message = redis.call('LPOP', line_key(queue, level, kind))
  removed(queue, level, kind)
  if not is_message(message) then return bury(queue, message) end
  queue.ready = queue.ready - 1
  count(queue, 'r', -1)
  return message
end

local function decoded(json)
  if not lists[json] then lists[json] = cjson.decode(json) end
  return lists[json]
end

local function consumer_of(id)
  local consumer = consumers[id]
  if consumer ~= nil then return consumer or nil end
  local fields = redis.call('HMGET', root .. 'consumer:' .. id, 'worker', 'queues', 'credit', 'given', 'lease')
  if not fields[1] then
    consumers[id] = false
    return nil
  end
  consumer = {
    id = id,
    worker = fields[1],
    queues = decoded(fields[2]),
    credit = tonumber(fields[3]),
    given = tonumber(fields[4]),
    lease = tonumber(fields[5] or ''),
    deliveries = {},
  }
  consumers[id] = consumer
  return consumer
end

-- Its place behind the other takers, or none when it has no free call.
local function stand_in_line(consumer)
  local is_free = consumer.credit > consumer.given
  order = order + 1
  for _, name in ipairs(consumer.queues) do
    if not is_free then
      redis.call('ZREM', root .. 'takers:' .. name, consumer.id)
      sole_takers[name] = nil
    elseif sole_takers[name] ~= consumer.id then
      redis.call('ZADD', root .. 'takers:' .. name, order, consumer.id)
    end
  end
end

local function first_taker(queue)
  for _ = 1, MAX_STEPS do
    local id = sole_takers[queue.name]
    if not id then
      local first = redis.call('ZRANGE', root .. 'takers:' .. queue.name, 0, 1)
      id = first[1]
      if not first[2] then sole_takers[queue.name] = id end
    end
    if not id then return nil end
    local consumer = consumer_of(id)
    if consumer and consumer.credit > consumer.given then return consumer end
    redis.call('ZREM', root .. 'takers:' .. queue.name, id)
    sole_takers[queue.name] = nil
  end
  return nil
end

-- The preferred worker's consumer if it waits too.
local function taker_for(queue, preferred, first)
  if preferred == '' or first.worker == preferred then return first end
  local id = redis.call('HGET', root .. 'workers', preferred)
  if not id or not redis.call('ZSCORE', root .. 'takers:' .. queue.name, id) then return first end
  local consumer = consumer_of(id)
  if consumer and consumer.credit > consumer.given then return consumer end
  return first
end

local function frame_of(message, redelivered, id, rest_at)
  local payload = string.sub(message, rest_at)
  return struct.pack('>BBc0I', redelivered, #id, id, #payload) .. payload
end

local function parse(message)
  local priority, _, redelivered, _, _, id, preferred, rest_at = struct.unpack('>BBBddBc0Bc0', message)
  return priority, redelivered, id, preferred, rest_at
end

local function assign(queue, message, first)
  local priority, redelivered, id, preferred, rest_at = parse(message)
  local consumer = taker_for(queue, preferred, first)
  consumer.given = consumer.given + 1
  consumer.changed = true
  local held = struct.pack('>dBc0', consumer.given, #queue.name, queue.name) .. message
  redis.call('HSET', root .. 'held:' .. consumer.id, id, held)
  count(queue, 'w' .. priority, -1)
  count(queue, 'u', 1)
  local deliveries = consumer.deliveries
  deliveries[#deliveries + 1] = {
    id = id,
    queue = queue,
    priority = priority,
    message = message,
    frame = frame_of(message, redelivered, id, rest_at),
  }
  stand_in_line(consumer)
end

-- Takes a message in: to a taker if one waits (true), or at the end of its priority.
local function offer(queue, level, id, preferred, payload)
  local message = struct.pack('>BBBddBc0Bc0', level, level, 0, now, now, #id, id, #preferred, preferred)
    .. payload
  count(queue, 'w' .. level, 1)
  local taker = queue.ready <= 0 and first_taker(queue)
  if taker then assign(queue, message, taker) else append(queue, message, level) end
  return taker and true or false
end

-- Hands out messages of these queues, the most urgent first, as long as somebody takes them. Queues
-- with equally urgent ones take turns, so that no backlog of one holds up another.
local function dispatch(names)
  for _ = 1, MAX_STEPS do
    local best, best_level, taker
    for _, name in ipairs(names) do
      local queue = queue_of(name)
      local first = queue.ready > 0 and first_taker(queue)
      local level = first and top_level(queue)
      local is_first = level and (not best or level > best_level
        or level == best_level and queue.served_at < best.served_at)
      if is_first then best, best_level, taker = queue, level, first end
    end
    if not best then return end
    local message = take(best, best_level)
    if message then
      order = order + 1
      best.served_at, best.is_served = order, true
      assign(best, message, taker)
    end
  end
end

-- A consumer that nobody listens for is not connected: it gets nothing until it is heard of again.
local function take_back(consumer, names)
  local deliveries = consumer.deliveries
  for index = #deliveries, 1, -1 do
    local delivery = deliveries[index]
    redis.call('HDEL', root .. 'held:' .. consumer.id, delivery.id)
    count(delivery.queue, 'u', -1)
    count(delivery.queue, 'w' .. delivery.priority, 1)
    put_back(delivery.queue, delivery.message)
    consumer.given = consumer.given - 1
    names[#names + 1] = delivery.queue.name
  end
  consumer.credit = consumer.given
  stand_in_line(consumer)
end

-- Sends what was assigned; answers the caller's own frames.
local function deliver(caller_id)
  local reply = {}
  for _ = 1, MAX_ROUNDS do
    local names = {}
    for id, consumer in pairs(consumers) do
      if consumer and #consumer.deliveries > 0 then
        local frames = {}
        for index, delivery in ipairs(consumer.deliveries) do frames[index] = delivery.frame end
        local payload = table.concat(frames)
        if id == caller_id then reply[#reply + 1] = payload
        elseif redis.call('PUBLISH', root .. 'to:' .. id, payload) == 0 then take_back(consumer, names) end
        consumer.deliveries = {}
      end
    end
    if #names == 0 then break end
    dispatch(names)
  end
  return table.concat(reply)
end

local function write_changes()
  for name, queue in pairs(queues) do
    for field, by in pairs(queue.changes) do
      if by ~= 0 then redis.call('HINCRBY', root .. 'counts:' .. name, field, by) end
    end
    if queue.is_served then redis.call('HSET', root .. 'counts:' .. name, 's', queue.served_at) end
  end
  for id, consumer in pairs(consumers) do
    if consumer and consumer.changed then
      redis.call('HSET', root .. 'consumer:' .. id, 'credit', consumer.credit, 'given', consumer.given)
    end
  end
end
