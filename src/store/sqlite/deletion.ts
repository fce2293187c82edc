/** Deleting a tenant, in steps. */
import { canceledError } from "../messages.ts";
import { CLOSED_FOR_MS, type ClearedTenant } from "../tenant-contract.ts";
import { cancelForGood, dropContext } from "./sessions.ts";
import { effectsOf, entryOf, type Operation } from "./state.ts";
import { forget, isTerminal, logRoom } from "./transitions.ts";

/** Tasks or sessions that one step changes: a bound on how long it keeps others waiting. */
const STEP_COUNT = 100;

export function clearTenant(op: Operation, tenant: string, limit: number): ClearedTenant {
  const count = Math.min(limit, STEP_COUNT);
  const tasks = clearTasks(op, tenant, count);
  const sessions = tasks.isDone ? clearSessions(op, tenant, count - tasks.taskCount) : undefined;
  const isDone = sessions?.isDone ?? false;
  if (isDone) {
    op.sql.deleteTenant(tenant);
    op.sql.deleteLines(tenant);
    op.sql.closeTenant(tenant, op.nowMs + CLOSED_FOR_MS);
  }
  const { taskCount, canceledCount } = tasks;
  const sessionCount = sessions?.sessionCount ?? 0;
  return { isDone, taskCount, canceledCount, sessionCount, effects: effectsOf(op) };
}

/** From the last to the first, so that no task is rung for only to be canceled. */
function clearTasks(op: Operation, tenant: string, limit: number) {
  const error = canceledError("the tenant was deleted");
  const room = logRoom();
  const rows = op.sql.accepted.all(tenant, Number.MAX_SAFE_INTEGER, limit);
  let taskCount = 0;
  let canceledCount = 0;
  for (const row of rows) {
    const entry = entryOf(row);
    if (!isTerminal(entry.task.state)) {
      canceledCount++;
      cancelForGood(op, entry, error);
    }
    if (!forget(op, entry, room)) break;
    taskCount++;
  }
  return { taskCount, canceledCount, isDone: taskCount === rows.length && rows.length < limit };
}

/** Those without a context too: of a session whose turns have all failed it may be all that is left. */
function clearSessions(op: Operation, tenant: string, limit: number) {
  const rows = op.sql.sessionsOf.all(tenant, limit);
  let sessionCount = 0;
  for (const { id, agent_id: agentId, session_id: sessionId } of rows) {
    if (op.sql.sessionMeta.get(tenant, agentId, sessionId)?.etag !== "") sessionCount++;
    dropContext(op, id, { tenant, agentId, sessionId });
  }
  return { sessionCount, isDone: rows.length < limit };
}
