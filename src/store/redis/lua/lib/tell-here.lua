-- In place of tell.lua where the bus is on the same Redis: watchers hear of entries from the function
-- that writes them. The frame is read by src/redis/notice-frame.ts; src/queue/channel.ts names the channels too.
-- Uses core.
local CHANNEL_COUNT = 128

local function tell(task, first, entries)
  if #entries == 0 then return end
  first, entries = tellable(first, entries)
  local colon = string.find(task, ':', 1, true)
  local topic = 'task/' .. plain(string.sub(task, 1, colon - 1)) .. '/' .. plain(string.sub(task, colon + 1))
  local frame = { struct.pack('>I2', 32768 + #topic), topic, struct.pack('>I4', first) }
  for i = 1, #entries do
    frame[#frame + 1] = struct.pack('>I4', #entries[i])
    frame[#frame + 1] = entries[i]
  end
  local a, b, c, d = string.byte(topic, -4, -1)
  local channel = (((a * 31 + b) * 31 + c) * 31 + d) % CHANNEL_COUNT
  redis.call('PUBLISH', root .. ':b:' .. channel, table.concat(frame))
end

-- Of all entries: the caller tells nobody.
local function announce(task, first, entries)
  tell(task, first, entries)
end

local function tellAgain(task, t, after, last)
  local from = math.max(0, after + 1 - t.fs)
  if last < t.fs + from then return end
  tell(task, t.fs + from, redis.call('LRANGE', root .. ':l:' .. task, from, last - t.fs))
end
