/** Canceling: at once what waits, by request what runs. */
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { CancelRequest } from "../contract.ts";
import { canceledError, cancelNotice } from "../messages.ts";
import { keyNotFound } from "../refusals.ts";
import type { TaskRow } from "./rows.ts";
import { entryOf, type Operation, type Reading, requireTask, type TaskEntry } from "./state.ts";
import { endTask, isTerminal, update } from "./transitions.ts";

export function cancel(op: Operation, request: CancelRequest): TaskEntry {
  const entry = targetOf(op, request);
  cancelEntry(op, entry, request.mode, request.reason);
  return entry;
}

/** The first request decides mode and reason; a repeated one tells the worker again. */
export function cancelEntry(
  op: Operation,
  entry: TaskEntry,
  mode: CancelMode,
  reason: string,
): void {
  const { task } = entry;
  if (isTerminal(task.state)) return;
  if (entry.cancelMode === CancelMode.UNSPECIFIED) {
    entry.cancelMode = mode === CancelMode.KEEP ? mode : CancelMode.DISCARD;
    entry.cancelReason = reason;
  }
  const cancelRequestedAt = task.cancelRequestedAt ?? op.now;
  if (task.state !== TaskState.RUNNING) {
    endTask(op, entry, TaskState.CANCELED, canceledError(reason), { cancelRequestedAt });
    return;
  }
  update(op, entry, { ...task, cancelRequestedAt });
  op.notices.push(cancelNotice(entry, entry.cancelMode, entry.cancelReason));
}

function targetOf(op: Operation, { tenant, target }: CancelRequest): TaskEntry {
  if ("taskId" in target) return requireTask(op, { tenant, taskId: target.taskId });
  return entryOf(rowOfKey(op, tenant, target.idempotencyKey));
}

/** The task that was submitted with an idempotency key. */
export function rowOfKey({ sql, nowMs }: Reading, tenant: string, idempotencyKey: string): TaskRow {
  const known = sql.findKey.get(tenant, idempotencyKey);
  const row = known && known.expires_at > nowMs && sql.taskById.get(known.task);
  if (!row) throw keyNotFound();
  return row;
}
