-- Canceling one task. Uses core, doorbells, transitions.

-- The first request decides mode and reason; a repeated one tells the worker again.
local function cancelTask(task, t, mode, reason, change)
  if t.st > RETRY_WAIT then return end
  if not t.cm then
    t.cm = mode == KEEP and KEEP or DISCARD
    t.cw, t.ct = reason, change
  end
  t.cr = t.cr or now
  if t.st ~= RUNNING then
    endTask(task, t, CANCELED, change, 'CANCELED')
    return
  end
  keep(task, t)
  notices[#notices + 1] = { 'c', task, t.cm, t.cw }
end
