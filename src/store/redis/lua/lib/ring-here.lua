-- In place of ring.lua where the queue is on the same Redis: the doorbell rings inside the function that
-- made the task ready, so there is no moment between the two, and nothing to ring again. Uses core
-- and openLine of src/redis/lua/doorbells.lua.
local line
local rung

-- Set where claims are handed over: gives a task whose turn has come to a worker that waits, claimed.
-- False when none does.
local handOver

local function openedLine()
  line = line or openLine(root .. ':mq:', micros)
  return line
end

-- For the record: a doorbell of a queue, or what came in its place.
local function noteRung(queue)
  rung = rung or { 'r' }
  rung[#rung + 1] = queue
end

-- Unique, and ASCII as consumers expect.
local function bellId(task)
  return string.format('%.0f', micros) .. '.' .. string.gsub(string.sub(task, -24), '[^%w-]', '_')
end

-- A full queue leaves the task in :unpublished, for the sweep to try again.
local function ring(task, bell)
  noteRung(bell[2])
  local colon = string.find(task, ':', 1, true)
  if not openedLine().publish(bellId(task), string.sub(task, 1, colon - 1), string.sub(task, colon + 1), bell) then
    redis.call('ZADD', root .. ':unpublished', now, task)
  end
end

local function ringAgain() end

-- A worker's consumer can take one more.
local function makeRoom(consumer)
  openedLine().make_room(consumer)
end

-- Gives a worker nothing until it is heard of again. False when it is not even connected.
local function passOver(worker)
  return openedLine().pass_over(worker)
end

-- At the beginning of a call, which may be the first after one that failed.
local function quiet()
  line, rung = nil, nil
end

-- At the end of an operation.
local function tellRung()
  if rung then notices[#notices + 1] = rung end
  rung = nil
end

-- At the end of a call.
local function ringOut()
  if line then line.flush() end
end
