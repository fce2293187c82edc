/** The store's own chores. Each follows an index kept for it, so that its cost follows what is due. */
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { SweepOptions } from "../contract.ts";
import { deadlineError, stateChange } from "../messages.ts";
import { forgetKey } from "./accept.ts";
import type { TaskRow } from "./rows.ts";
import { dropContext } from "./sessions.ts";
import { entryOf, type Operation, saveEntry, type TaskEntry } from "./state.ts";
import {
  dropLog,
  endTask,
  forget,
  type LogRoom,
  logRoom,
  noteChange,
  ring,
  update,
  write,
} from "./transitions.ts";

export function sweep(op: Operation, options: SweepOptions): number {
  const { sql, nowMs } = op;
  const room = logRoom();
  let left = options.limit;
  left -= due(op, left);
  const unpublished = sql.unpublished.all(nowMs - options.unpublishedAfterMs, left);
  left -= each(unpublished, (entry) => {
    ring(op, entry);
    saveEntry(op, entry);
  });
  left -= expiredKeys(op, left, room);
  const drop = (entry: TaskEntry): void => dropLog(op, entry, room);
  const retire = (entry: TaskEntry): void => retireTask(op, entry, room);
  left -= each(sql.keptLogs.all(nowMs - options.logRetentionMs, left), drop, room);
  left -= each(sql.ended.all(nowMs - options.taskRetentionMs, left), retire, room);
  left -= each(sql.failed.all(nowMs - options.deadLetterRetentionMs, left), retire, room);
  left -= unusedSessions(op, options.sessionRetentionMs, left);
  sql.reopenTenants(nowMs);
  // As many as may be, where more is to be done at once.
  return room.rowCount === 0 ? options.limit : options.limit - left;
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
  noteChange(op, entry, TaskState.QUEUED);
  const ready = { state: TaskState.QUEUED, error: undefined, nextAttemptAt: undefined };
  update(op, entry, { ...task, ...ready, lastSequence });
}

/** While there is room. */
function each(
  rows: readonly TaskRow[],
  change: (entry: TaskEntry) => void,
  room = logRoom(),
): number {
  let count = 0;
  for (const row of rows) {
    if (room.rowCount === 0) break;
    change(entryOf(row));
    count++;
  }
  return count;
}

function expiredKeys(op: Operation, limit: number, room: LogRoom): number {
  const keys = op.sql.expiredKeys.all(op.nowMs, limit);
  for (const key of keys) forgetKey(op, key, room);
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
function retireTask(op: Operation, entry: TaskEntry, room: LogRoom): void {
  if (!op.sql.keyOfTask.get(entry.id)) {
    forget(op, entry, room);
    return;
  }
  entry.retired = true;
  saveEntry(op, entry);
}
