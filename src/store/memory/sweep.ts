/** The store's own chores. Each follows an order kept for it, so that its cost follows what is due. */
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { LinkedList } from "../../linked-list.ts";
import type { SweepOptions } from "../contract.ts";
import { deadlineError, stateChange } from "../messages.ts";
import { reopenTenants } from "./closed.ts";
import { dropContext } from "./sessions.ts";
import type { Operation, TaskEntry } from "./state.ts";
import { dropLog, endTask, forget, noteChange, ring, update, write } from "./transitions.ts";

export function sweep(op: Operation, options: SweepOptions): number {
  const { ended, dead, keptLogs } = op.state;
  let left = options.limit;
  left -= dueRetries(op, left);
  left -= passedDeadlines(op, left);
  left -= unpublished(op, options.unpublishedAfterMs, left);
  left -= expiredKeys(op, left);
  left -= pastRetention(op, keptLogs, options.logRetentionMs, left, (entry) =>
    dropLog(op.state, entry),
  );
  left -= pastRetention(op, ended, options.taskRetentionMs, left, (entry) => retire(op, entry));
  left -= pastRetention(op, dead, options.deadLetterRetentionMs, left, (entry) =>
    retire(op, entry),
  );
  left -= unusedSessions(op, options.sessionRetentionMs, left);
  left -= reopenTenants(op, left);
  return options.limit - left;
}

function dueRetries(op: Operation, limit: number): number {
  const { retries } = op.state;
  let count = 0;
  for (let entry = retries.due(op.nowMs); entry && count < limit; count++) {
    const { task } = entry;
    const change = { previous: task.state, state: TaskState.QUEUED };
    const lastSequence = write(op, entry, [stateChange(op.now, change)]);
    noteChange(op, entry, TaskState.QUEUED);
    const ready = { state: TaskState.QUEUED, error: undefined, nextAttemptAt: undefined };
    update(op, entry, { ...task, ...ready, lastSequence });
    entry = retries.due(op.nowMs);
  }
  return count;
}

function passedDeadlines(op: Operation, limit: number): number {
  const { deadlines } = op.state;
  let count = 0;
  for (let entry = deadlines.due(op.nowMs); entry && count < limit; count++) {
    endTask(op, entry, TaskState.FAILED, deadlineError());
    entry = deadlines.due(op.nowMs);
  }
  return count;
}

function unpublished(op: Operation, afterMs: number, limit: number): number {
  const waiting = op.state.unpublished;
  // Ringing moves a task to the end; without the bound a single pass could go round.
  const most = Math.min(limit, waiting.size);
  let count = 0;
  for (; count < most; count++) {
    const entry = waiting.first;
    if (!entry || entry.rungAtMs + afterMs > op.nowMs) break;
    ring(op, entry);
  }
  return count;
}

function expiredKeys(op: Operation, limit: number): number {
  const { keys } = op.state;
  let count = 0;
  for (let known = keys.due(op.nowMs); known && count < limit; count++) {
    const { entry, key } = known;
    keys.delete(known);
    entry.table.keys.delete(key);
    entry.key = undefined;
    if (entry.retired) forget(op.state, entry);
    known = keys.due(op.nowMs);
  }
  return count;
}

function pastRetention(
  op: Operation,
  list: LinkedList<TaskEntry>,
  retentionMs: number,
  limit: number,
  drop: (entry: TaskEntry) => void,
): number {
  let count = 0;
  for (let entry = list.first; entry && count < limit; count++) {
    if (entry.endedAtMs + retentionMs > op.nowMs) break;
    drop(entry);
    entry = list.first;
  }
  return count;
}

function unusedSessions(op: Operation, retentionMs: number, limit: number): number {
  let count = 0;
  for (const table of op.state.tenants.values()) {
    for (const session of table.used.forward()) {
      if (count >= limit || session.usedAtMs + retentionMs > op.nowMs) break;
      // With a task in its lane it is in use, whatever its last commit says.
      if (session.lane.size > 0) continue;
      dropContext(table, session);
      count++;
    }
  }
  return count;
}

/** A remembered idempotency key must lead to its task, so the task stays until the key goes. */
function retire(op: Operation, entry: TaskEntry): void {
  if (!entry.key) {
    forget(op.state, entry);
    return;
  }
  op.state.ended.remove(entry.endedLink);
  op.state.dead.remove(entry.endedLink);
  entry.endedLink = undefined;
  entry.retired = true;
}
