-- Functions as Redis calls them. Uses core, ring.
local function beginCall(keys)
  root, micros = keys[1], server_micros(keys[1])
  now, notices, bells = math.floor(micros / 1000), {}, {}
  figureChanges, unfinishedBefore = {}, {}
  quiet()
end

local function endCall()
  writeFigures()
  ringOut()
end

local function operation(body)
  return function(keys, args)
    beginCall(keys)
    local reply = body(keys, args)
    tellRung()
    endCall()
    return reply
  end
end

-- Several of one kind in a call, each after the one before: what they look at and write alike is done
-- once. ARGV: of each its arguments as a MessagePack array (src/redis/pack.ts). Returns a reply for each, {'FAILED', why}
-- for one that an error has ended.
local function operations(body)
  return function(keys, args)
    beginCall(keys)
    local replies = {}
    for i = 1, #args do
      notices, bells = {}, {}
      local succeeded, reply = pcall(body, keys, cmsgpack.unpack(args[i]))
      if not succeeded then reply = { 'FAILED', type(reply) == 'table' and reply.err or tostring(reply) } end
      tellRung()
      replies[i] = reply
    end
    endCall()
    return replies
  end
end
