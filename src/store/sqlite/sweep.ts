/** The store's own chores. Each follows an index kept for it, so that its cost follows what is due. */
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { SweepOptions } from "../contract.ts";
import { deadlineError, stateChange } from "../messages.ts";
import { forgetKey } from "./accept.ts";
import type { TaskRow } from "./rows.ts";
import { dropContext } from "./sessions.ts";
import { entryOf, type Operation, saveEntry, type TaskEntry } from "./state.ts";
import type { Query } from "./statements.ts";
import { dropLog, endTask, forget, ring, update, write } from "./transitions.ts";

export function sweep(op: Operation, options: SweepOptions): number {
  const { sql, nowMs } = op;
  let left = options.limit;
  left -= due(op, left);
  left -= each(sql.unpublished, nowMs - options.unpublishedAfterMs, left, (entry) => {
    ring(op, entry);
    saveEntry(op, entry);
  });
  left -= expiredKeys(op, left);
  left -= each(sql.keptLogs, nowMs - options.logRetentionMs, left, (entry) => {
    dropLog(op, entry);
    saveEntry(op, entry);
  });
  left -= each(sql.ended, nowMs - options.taskRetentionMs, left, (entry) => retire(op, entry));
  left -= each(sql.failed, nowMs - options.deadLetterRetentionMs, left, (entry) =>
    retire(op, entry),
  );
  left -= unusedSessions(op, options.sessionRetentionMs, left);
  return options.limit - left;
}

/** One at a time: what ends may make another task of its lane ready. */
function due(op: Operation, limit: number): number {
  for (let count = 0; count < limit; count++) {
    const row = op.sql.firstDue.get(op.nowMs);
    if (!row) return count;
    const entry = entryOf(row);
    if (entry.retryAtMs !== null && entry.retryAtMs <= op.nowMs) retry(op, entry);
    else endTask(op, entry, TaskState.FAILED, deadlineError());
  }
  return limit;
}

function retry(op: Operation, entry: TaskEntry): void {
  const { task } = entry;
  const change = { previous: task.state, state: TaskState.QUEUED };
  const lastSequence = write(op, entry, [stateChange(op.now, change)]);
  const ready = { state: TaskState.QUEUED, error: undefined, nextAttemptAt: undefined };
  update(op, entry, { ...task, ...ready, lastSequence });
}

function each(
  found: Query<TaskRow>,
  untilMs: number,
  limit: number,
  change: (entry: TaskEntry) => void,
): number {
  const rows = found.all(untilMs, limit);
  for (const row of rows) change(entryOf(row));
  return rows.length;
}

function expiredKeys(op: Operation, limit: number): number {
  const keys = op.sql.expiredKeys.all(op.nowMs, limit);
  for (const key of keys) forgetKey(op, key);
  return keys.length;
}

function unusedSessions(op: Operation, retentionMs: number, limit: number): number {
  const sessions = op.sql.unusedSessions.all(op.nowMs - retentionMs, limit);
  for (const { id, tenant, agent_id: agentId, session_id: sessionId } of sessions) {
    // With a task in its lane it is in use, whatever its last commit says: looked at again after
    // another retention, or when its next turn is committed.
    if (op.sql.laneHead.get(tenant, agentId, sessionId)) op.sql.touchSession(op.nowMs, id);
    else dropContext(op, id, { tenant, agentId, sessionId });
  }
  return sessions.length;
}

/** A remembered idempotency key must lead to its task, so the task stays until the key goes. */
function retire(op: Operation, entry: TaskEntry): void {
  if (!op.sql.keyOfTask.get(entry.id)) {
    forget(op, entry);
    return;
  }
  entry.retired = true;
  saveEntry(op, entry);
}
