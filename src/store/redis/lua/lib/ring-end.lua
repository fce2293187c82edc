-- After a script that may ring, which is the function run. Uses ring-here.
local reply = run()
if line then line.flush() end
return reply
