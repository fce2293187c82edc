-- In place of ring.lua where the queue is on the same Redis: the doorbell rings inside the function that
-- made the task ready, so there is no moment between the two, and nothing to ring again. Uses core
-- and openLine of src/redis/lua/doorbells.lua.
local line
local rung

-- A full queue leaves the task in :unpublished, for the sweep to try again.
local function ring(task, bell)
  line = line or openLine(root .. ':mq:', micros)
  rung = rung or { 'r' }
  rung[#rung + 1] = bell[2]
  local colon = string.find(task, ':', 1, true)
  -- Unique, and ASCII as consumers expect.
  local id = string.format('%.0f', micros) .. '.' .. string.gsub(string.sub(task, -24), '[^%w-]', '_')
  if not line.publish(id, string.sub(task, 1, colon - 1), string.sub(task, colon + 1), bell) then
    redis.call('ZADD', root .. ':unpublished', now, task)
  end
end

local function ringAgain() end

-- At the beginning of a call, which may be the first after one that failed.
local function quiet()
  line, rung = nil, nil
end

-- At the end of a call.
local function ringOut()
  if line then line.flush() end
  if rung then notices[#notices + 1] = rung end
end
