-- A function as Redis calls it. Behind queue-state.lua.
local function operation(body)
  return function(keys, args)
    begin_queues(keys[1], server_micros(keys[1]))
    return body(keys, args)
  end
end
