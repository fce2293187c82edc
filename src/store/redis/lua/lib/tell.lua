-- Entries go to the caller, who publishes them as notices. Uses core.
local function tell(task, first, entries)
  if #entries == 0 then return end
  first, entries = tellable(first, entries)
  notices[#notices + 1] = { 'e', task, first, entries }
end

-- Entries that the function has just written and that the caller can put together by itself, but for
-- those from `unknownFrom` on, if given.
local function announce(task, first, entries, unknownFrom)
  if unknownFrom then tell(task, first + unknownFrom - 1, { unpack(entries, unknownFrom) }) end
end

-- Tells once more of entries (after, last] that are in the log.
local function tellAgain(task, t, after, last)
  local from = math.max(0, after + 1 - t.fs)
  if last < t.fs + from then return end
  tell(task, t.fs + from, redis.call('LRANGE', root .. ':l:' .. task, from, last - t.fs))
end
