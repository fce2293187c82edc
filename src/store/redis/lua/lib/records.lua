-- Stored records, as far as functions look into them. They are Protobuf.

-- The number at a position, and the position after it.
local function varint(bytes, at)
  local value, factor, byte = 0, 1, nil
  repeat
    byte = string.byte(bytes, at)
    value, factor, at = value + byte % 128 * factor, factor * 128, at + 1
  until byte < 128
  return value, at
end

-- A TaskRecord but for its request (field 3), which may be nearly all of it.
local function withoutRequest(record)
  local kept, at = {}, 1
  while at <= #record do
    local from, tag, size = at, nil, nil
    tag, at = varint(record, at)
    local wire = tag % 8
    if wire == 0 then size, at = varint(record, at)
    elseif wire == 1 then at = at + 8
    elseif wire == 5 then at = at + 4
    else
      size, at = varint(record, at)
      at = at + size
    end
    if math.floor(tag / 8) ~= 3 then kept[#kept + 1] = string.sub(record, from, at - 1) end
  end
  return table.concat(kept)
end
