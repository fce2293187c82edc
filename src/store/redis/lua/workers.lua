-- flags: allow-oom
-- The live workers, or the end of one.
--
-- KEYS[1] root. ARGV: 1 worker to remove, or ''
-- Returns for each worker the instant of its last report and its Worker, as stored.
-- Invariant: as in report.lua.
dropSilentWorkers()
if ARGV[1] ~= '' then dropWorker(ARGV[1]) end
return redis.call('HVALS', root .. ':worker')
