-- Doorbells go to the caller, who publishes them. Until it confirms, the task stays in :unpublished.
-- Uses core.
local function ring(task, bell)
  redis.call('ZADD', root .. ':unpublished', now, task)
  bells[#bells + 1] = bell
end

local handOver

local function makeRoom() end

local function passOver() return false end

-- For the repeat of a write whose reply may be lost, and its doorbells with it.
local function ringAgain(bell)
  bells[#bells + 1] = bell
end

local function tellRung() end

local function quiet() end

local function ringOut() end
