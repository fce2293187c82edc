/** Accepting a task: duplicate guard, limits, multitask strategy, a place in the lane. */
import { CancelMode, type TaskRecord } from "../../../gen/agentlane/store/v1/record_pb.js";
import { MultitaskStrategy, type Task, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { timestamp } from "../../timestamp.ts";
import type { Submission } from "../contract.ts";
import { stateChange } from "../messages.ts";
import { exceeded, quotaExceeded } from "../quota.ts";
import { idempotencyConflict, queueFull, sessionBusy, taskMissing } from "../refusals.ts";
import { cancelEntry } from "./cancel.ts";
import { refuseClosed } from "./closed.ts";
import { writeDoorbell, writeRecord } from "./messages.ts";
import type { LaneRow } from "./rows.ts";
import {
  entryOf,
  figuresOf,
  findTask,
  insertEntry,
  type Operation,
  type TaskEntry,
} from "./state.ts";
import { countSessions, countsOf, openAccount, tally } from "./tenants.ts";
import { forget, type LogRoom, logRoom, update, writeAs } from "./transitions.ts";

export function accept(op: Operation, submission: Submission): { task: Task; existing: boolean } {
  const { record } = submission;
  const { task } = record;
  if (!task) throw taskMissing();
  refuseClosed(op, record.tenant);
  const known = knownTask(op, record, task);
  if (known) return { task: known.task, existing: true };
  const { agentId, sessionId } = task;
  const lane = sessionId === "" ? [] : op.sql.lane.all(record.tenant, agentId, sessionId);
  refuseBusy(submission, task, lane);
  refuseFull(op, submission, task, lane);
  refuseOverQuota(op, submission, task, lane);
  clearLane(op, submission, lane);
  const entry = newEntry(op, submission, task);
  if (task.idempotencyKey !== "") remember(op, submission, entry);
  return { task: entry.task, existing: false };
}

function knownTask(op: Operation, record: TaskRecord, task: Task): TaskEntry | undefined {
  const { tenant } = record;
  const repeated = findTask(op, { tenant, taskId: task.taskId });
  if (repeated || task.idempotencyKey === "") return repeated;
  const known = op.sql.findKey.get(tenant, task.idempotencyKey);
  if (!known || known.expires_at <= op.nowMs) return undefined;
  const row = op.sql.taskById.get(known.task);
  if (!row) return undefined;
  if (known.digest === record.requestDigest) return entryOf(row);
  throw idempotencyConflict(task.idempotencyKey, row.task_id);
}

function refuseBusy({ strategy }: Submission, task: Task, lane: readonly LaneRow[]): void {
  if (strategy !== MultitaskStrategy.REJECT || lane.length === 0) return;
  throw sessionBusy(task.sessionId, lane.length);
}

function refuseFull(
  op: Operation,
  submission: Submission,
  task: Task,
  lane: readonly LaneRow[],
): void {
  const figures = op.sql.figures.get(task.queue);
  if (!figures) return;
  const { queued_count, retry_wait_count, running_count } = figures;
  const unfinishedCount = queued_count + retry_wait_count + running_count;
  if (unfinishedCount < submission.maxQueueSize) return;
  const clears = cancelModeOf(submission.strategy) !== undefined;
  const freed = lane.filter(({ queue, state }) => {
    return clears && queue === task.queue && state !== TaskState.RUNNING;
  });
  if (unfinishedCount - freed.length < submission.maxQueueSize) return;
  throw queueFull(task.queue, unfinishedCount);
}

function refuseOverQuota(
  op: Operation,
  { quota, record, strategy }: Submission,
  { agentId, sessionId }: Task,
  lane: readonly LaneRow[],
): void {
  if (!quota) return;
  const { tenant } = record;
  const isNewSession =
    sessionId !== "" &&
    lane.length === 0 &&
    (op.sql.sessionMeta.get(tenant, agentId, sessionId)?.etag ?? "") === "";
  const freedCount = (): number => {
    if (cancelModeOf(strategy) === undefined) return 0;
    return lane.filter(({ quota_bytes, state }) => {
      return quota_bytes !== null && state !== TaskState.RUNNING;
    }).length;
  };
  const sessionCount = (limit: number): number => countSessions(op, tenant, limit);
  const change = { isNewSession, sessionCount, freedCount };
  const name = exceeded(quota, countsOf(op, tenant), change);
  if (name) throw quotaExceeded(tenant, name, quota, op.nowMs);
}

function cancelModeOf(strategy: MultitaskStrategy): CancelMode | undefined {
  if (strategy === MultitaskStrategy.INTERRUPT) return CancelMode.KEEP;
  if (strategy === MultitaskStrategy.ROLLBACK) return CancelMode.DISCARD;
  return undefined;
}

/** From the last to the first, so that no task is rung for only to be canceled. */
function clearLane(op: Operation, { strategy }: Submission, lane: readonly LaneRow[]): void {
  const mode = cancelModeOf(strategy);
  if (mode === undefined) return;
  const reason =
    mode === CancelMode.KEEP
      ? "interrupted by a newer task of the session"
      : "rolled back by a newer task of the session";
  for (const { id } of lane.toReversed()) {
    const row = op.sql.taskById.get(id);
    if (!row) continue;
    const ahead = entryOf(row);
    // A rollback means that nothing of the attempt may reach the session, whoever asked before.
    const mayReplace = mode === CancelMode.DISCARD && ahead.cancelMode === CancelMode.KEEP;
    if (ahead.task.state === TaskState.RUNNING && mayReplace) ahead.cancelMode = mode;
    cancelEntry(op, ahead, mode, reason);
  }
}

function newEntry(op: Operation, submission: Submission, submitted: Task): TaskEntry {
  const { record, deadlineInMs, quota } = submission;
  const deadlineAtMs = deadlineInMs === undefined ? null : Math.round(op.nowMs + deadlineInMs);
  const task: Task = { ...submitted, state: TaskState.QUEUED, createdAt: op.now, lastSequence: 1 };
  if (deadlineAtMs !== null) task.deadline = timestamp(deadlineAtMs);
  const entry: TaskEntry = {
    id: op.nextOrder(),
    tenant: record.tenant,
    taskId: task.taskId,
    agentId: task.agentId,
    sessionId: task.sessionId,
    queue: task.queue,
    task,
    ready: false,
    published: false,
    rungAtMs: 0,
    lanePosition: null,
    fence: 0,
    claimId: "",
    leaseEndsAtMs: null,
    attemptStartedAtMs: 0,
    attemptSequence: 0,
    deadlineAtMs,
    retryAtMs: null,
    cancelMode: CancelMode.UNSPECIFIED,
    cancelReason: "",
    firstSequence: 1,
    endedAtMs: null,
    endedOrder: null,
    logKept: false,
    retired: false,
    quotaBytes: quota?.bytes ?? null,
    heldLevel: null,
    heldSinceMs: null,
    lastFinish: undefined,
  };
  if (quota) openAccount(op, record.tenant, quota);
  insertEntry(op, entry);
  op.sql.insertSubmission(
    entry.id,
    writeDoorbell(record, quota !== undefined),
    writeRecord(record),
  );
  const change = stateChange(op.now, {
    previous: TaskState.UNSPECIFIED,
    state: TaskState.QUEUED,
  });
  writeAs(op, { ...entry, lastSequence: 0 }, 0, [change]);
  figuresOf(op, entry.queue).queuedCount++;
  if (quota) tally(op, entry, TaskState.UNSPECIFIED, TaskState.QUEUED);
  update(op, entry, task);
  return entry;
}

function remember(op: Operation, submission: Submission, { id, tenant, task }: TaskEntry): void {
  const key = task.idempotencyKey;
  const expired = op.sql.findKey.get(tenant, key);
  if (expired) forgetKey(op, expired, logRoom());
  const expiresAtMs = Math.round(op.nowMs + submission.idempotencyMs);
  op.sql.insertKey(tenant, key, submission.record.requestDigest, id, expiresAtMs);
}

/** Forgets an idempotency key, and the task that was kept for it alone. */
export function forgetKey(
  op: Operation,
  { tenant, key, task }: { tenant: string; key: string; task: number },
  room: LogRoom,
): void {
  op.sql.deleteKey(tenant, key);
  const row = op.sql.taskById.get(task);
  // Where its log is too long for this operation, it goes as any other task that is past retention.
  if (row?.retired === 1) forget(op, { ...entryOf(row), retired: false }, room);
}
