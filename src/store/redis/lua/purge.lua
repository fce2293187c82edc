-- flags: allow-oom
-- Deletes dead letters by name.
--
-- KEYS[1] root. ARGV: 1 only what failed before this instant, or '' · then tasks
-- Returns how many were deleted.
-- Invariant: only FAILED tasks go; their idempotency keys go with them.
local count = 0
for i = 2, #ARGV do
  local t = read(ARGV[i])
  if t and t.st == FAILED and (ARGV[1] == '' or t.fa < tonumber(ARGV[1])) then
    forget(ARGV[i], t)
    count = count + 1
  end
end
return count
