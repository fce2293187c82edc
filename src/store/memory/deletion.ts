/** Deleting a tenant, in steps. */
import { canceledError } from "../messages.ts";
import { CLOSED_FOR_MS, type ClearedTenant } from "../tenant-contract.ts";
import { cancelForGood, dropContext } from "./sessions.ts";
import { begin, effectsOf, type MemoryState, type Operation } from "./state.ts";
import { forget, isTerminal } from "./transitions.ts";

export function clearTenant(state: MemoryState, tenant: string, limit: number): ClearedTenant {
  const op = begin(state);
  const tasks = clearTasks(op, tenant, limit);
  const sessionCount = clearSessions(op, tenant, limit - tasks.taskCount);
  const isDone = tasks.taskCount + sessionCount < limit;
  if (isDone) {
    state.tenants.delete(tenant);
    state.closed.set(tenant, op.nowMs + CLOSED_FOR_MS);
  }
  return { ...tasks, isDone, sessionCount, effects: effectsOf(op) };
}

/** From the last to the first, so that no task is rung for only to be canceled. */
function clearTasks(op: Operation, tenant: string, limit: number) {
  const error = canceledError("the tenant was deleted");
  let taskCount = 0;
  let canceledCount = 0;
  for (const entry of op.state.tenants.get(tenant)?.accepted.backward() ?? []) {
    if (taskCount === limit) break;
    taskCount++;
    if (!isTerminal(entry.task.state)) {
      canceledCount++;
      cancelForGood(op, entry, error);
    }
    forget(op.state, entry);
  }
  return { taskCount, canceledCount };
}

function clearSessions(op: Operation, tenant: string, limit: number): number {
  const table = op.state.tenants.get(tenant);
  let count = 0;
  for (const session of table?.used.forward() ?? []) {
    if (!table || count === limit) break;
    dropContext(table, session);
    count++;
  }
  return count;
}
