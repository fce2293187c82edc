-- flags: allow-oom
-- Sends dead letters back to the end of their lanes as QUEUED.
--
-- KEYS[1] root. ARGV: tasks
-- Returns {now, notices, bells, then for each 1 (redriven) or 0}.
-- Invariant: a dead letter is redriven once; attempts begin anew, fences and sequences go on.
local answers = { now, notices, bells }
for i = 1, #ARGV do
  local task = ARGV[i]
  local t = read(task)
  local failed = t and t.st == FAILED
  if failed then
    local entries = { changeEntry(t, QUEUED, 0, '') }
    tell(task, write(task, t, entries), entries)
    noteChange(task, t, QUEUED, '')
    t.dl, t.cm, t.cw, t.ct, t.cr, t.fa, t.er = nil, nil, nil, nil, nil, nil, nil
    t.ff, t.fq, t.fr, t.fx, t.fe, t.fl = nil, nil, nil, nil, nil, nil
    t.st, t.co, t.rd = QUEUED, 0, (t.rd or 0) + 1
    redis.call('HDEL', root .. ':t:' .. task, 'o')
    settle(task, t, FAILED)
  end
  answers[i + 3] = failed and 1 or 0
end
return answers
