-- A function as Redis calls it. Uses core, ring.
local function operation(body)
  return function(keys, args)
    root, micros = keys[1], server_micros(keys[1])
    now, notices, bells = math.floor(micros / 1000), {}, {}
    quiet()
    local reply = body(keys, args)
    ringOut()
    return reply
  end
end
