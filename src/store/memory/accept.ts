/** Accepting a task: duplicate guard, limits, multitask strategy, a place in the lane. */

import { CancelMode, type TaskRecord } from "../../../gen/agentlane/store/v1/record_pb.js";
import { MultitaskStrategy, type Task, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { timestamp } from "../../timestamp.ts";
import type { Submission } from "../contract.ts";
import { stateChange } from "../messages.ts";
import { exceeded, quotaExceeded } from "../quota.ts";
import { idempotencyConflict, queueFull, sessionBusy, taskMissing } from "../refusals.ts";
import type { Quota } from "../tenant-contract.ts";
import { cancelEntry } from "./cancel.ts";
import { refuseClosed } from "./closed.ts";
import {
  findSession,
  findTask,
  type Operation,
  queueTable,
  type SessionEntry,
  sessionEntry,
  type TaskEntry,
  type TenantTable,
  tenantTable,
} from "./state.ts";
import { type Counted, newAccount, usageOf } from "./tenants.ts";
import { admit, forget, writeAs } from "./transitions.ts";

export function accept(op: Operation, submission: Submission): { task: Task; existing: boolean } {
  const { record } = submission;
  const { task } = record;
  if (!task) throw taskMissing();
  refuseClosed(op.state, record.tenant);
  const known = knownTask(op, record, task);
  if (known) return { task: known.task, existing: true };
  const { agentId, sessionId } = task;
  const session = findSession(op.state, { tenant: record.tenant, agentId, sessionId });
  if (session) refuseBusy(submission, task, session);
  refuseFull(op, submission, task, session);
  refuseOverQuota(op, submission, session);
  if (session) clearLane(op, submission, session);
  const entry = newEntry(op, submission, task);
  if (task.idempotencyKey !== "") remember(op, submission, entry);
  return { task: entry.task, existing: false };
}

function knownTask(op: Operation, record: TaskRecord, task: Task): TaskEntry | undefined {
  const repeated = findTask(op.state, { tenant: record.tenant, taskId: task.taskId });
  if (repeated || task.idempotencyKey === "") return repeated;
  const known = tenantTable(op.state, record.tenant).keys.get(task.idempotencyKey);
  if (!known || known.expiresAtMs <= op.nowMs) return undefined;
  if (known.digest === record.requestDigest) return known.entry;
  throw idempotencyConflict(task.idempotencyKey, known.entry.task.taskId);
}

function refuseBusy({ strategy }: Submission, task: Task, session: SessionEntry): void {
  if (strategy !== MultitaskStrategy.REJECT || session.lane.size === 0) return;
  throw sessionBusy(task.sessionId, session.lane.size);
}

function refuseFull(
  op: Operation,
  submission: Submission,
  task: Task,
  session: SessionEntry | undefined,
): void {
  const { queuedCount, retryWaitCount, runningCount } = queueTable(op.state, task.queue);
  const unfinishedCount = queuedCount + retryWaitCount + runningCount;
  if (unfinishedCount < submission.maxQueueSize) return;
  let freedCount = 0;
  if (session && cancelModeOf(submission.strategy) !== undefined) {
    for (const ahead of session.lane.forward()) {
      if (ahead.task.queue !== task.queue) continue;
      if (ahead.task.state !== TaskState.RUNNING) freedCount++;
    }
  }
  if (unfinishedCount - freedCount < submission.maxQueueSize) return;
  throw queueFull(task.queue, unfinishedCount);
}

function refuseOverQuota(
  op: Operation,
  { quota, record, strategy }: Submission,
  session: SessionEntry | undefined,
): void {
  if (!quota) return;
  const isNewSession =
    record.task?.sessionId !== "" && !session?.context && (session?.lane.size ?? 0) === 0;
  const freedCount = (): number => {
    if (!session || cancelModeOf(strategy) === undefined) return 0;
    const ahead = [...session.lane.forward()];
    return ahead.filter(({ task, counted }) => counted && task.state !== TaskState.RUNNING).length;
  };
  const usage = usageOf(op.state, record.tenant, op.nowMs);
  const sessionCount = (): number => usage.sessionCount;
  const name = exceeded(quota, usage, { isNewSession, sessionCount, freedCount });
  if (name) throw quotaExceeded(record.tenant, name, quota, op.nowMs);
}

function cancelModeOf(strategy: MultitaskStrategy): CancelMode | undefined {
  if (strategy === MultitaskStrategy.INTERRUPT) return CancelMode.KEEP;
  if (strategy === MultitaskStrategy.ROLLBACK) return CancelMode.DISCARD;
  return undefined;
}

/** From the last to the first, so that no task is rung for only to be canceled. */
function clearLane(op: Operation, { strategy }: Submission, session: SessionEntry): void {
  const mode = cancelModeOf(strategy);
  if (mode === undefined) return;
  const reason =
    mode === CancelMode.KEEP
      ? "interrupted by a newer task of the session"
      : "rolled back by a newer task of the session";
  for (const ahead of session.lane.backward()) {
    const { task, cancelMode } = ahead;
    // A rollback means that nothing of the attempt may reach the session, whoever asked before.
    const mayReplace = mode === CancelMode.DISCARD && cancelMode === CancelMode.KEEP;
    if (task.state === TaskState.RUNNING && mayReplace) ahead.cancelMode = mode;
    cancelEntry(op, ahead, mode, reason);
  }
}

/** Undefined without a quota. */
function countedOf(table: TenantTable, quota: Quota | undefined): Counted | undefined {
  if (!quota) return undefined;
  const { window, maxRunningTasks } = quota.limits;
  table.account ??= newAccount(quota.limits);
  table.account.limits = { window, maxRunningTasks };
  table.account.storedBytes += quota.bytes;
  return { account: table.account, bytes: quota.bytes, heldLink: undefined };
}

function newEntry(op: Operation, submission: Submission, submitted: Task): TaskEntry {
  const { record, deadlineInMs } = submission;
  const table = tenantTable(op.state, record.tenant);
  const deadlineAtMs = deadlineInMs === undefined ? undefined : op.nowMs + deadlineInMs;
  const task: Task = { ...submitted, state: TaskState.QUEUED, createdAt: op.now, lastSequence: 0 };
  if (deadlineAtMs !== undefined) task.deadline = timestamp(deadlineAtMs);
  const entry: TaskEntry = {
    table,
    session: sessionEntry(table, submitted.agentId, submitted.sessionId),
    queue: queueTable(op.state, submitted.queue),
    submitted: record,
    order: ++op.state.counter,
    task,
    log: [],
    firstSequence: 1,
    fence: 0n,
    claimId: "",
    leaseExpiresAtMs: 0,
    deadlineAtMs,
    cancelMode: CancelMode.UNSPECIFIED,
    cancelReason: "",
    published: false,
    rungAtMs: 0,
    attemptStartedAtMs: 0,
    attemptSequence: 0,
    endedAtMs: 0,
    endedOrder: 0,
    lastFinish: undefined,
    key: undefined,
    counted: countedOf(table, submission.quota),
    retired: false,
    laneLink: undefined,
    sessionLink: undefined,
    acceptedLink: undefined,
    unpublishedLink: undefined,
    logLink: undefined,
    endedLink: undefined,
    deadLetterLink: undefined,
  };
  const change = { previous: TaskState.UNSPECIFIED, state: TaskState.QUEUED };
  task.lastSequence = writeAs(op, entry, 0, [stateChange(op.now, change)]);
  table.tasks.set(task.taskId, entry);
  entry.acceptedLink = table.accepted.append(entry);
  entry.sessionLink = entry.session.tasks.append(entry);
  admit(op, entry);
  return entry;
}

function remember(op: Operation, submission: Submission, entry: TaskEntry): void {
  const { table, task } = entry;
  const { requestDigest: digest } = submission.record;
  const key = task.idempotencyKey;
  const expired = table.keys.get(key);
  if (expired) {
    op.state.keys.delete(expired);
    expired.entry.key = undefined;
    if (expired.entry.retired) forget(op.state, expired.entry);
  }
  const expiresAtMs = op.nowMs + submission.idempotencyMs;
  entry.key = { key, digest, entry, expiresAtMs };
  table.keys.set(key, entry.key);
  op.state.keys.set(entry.key, expiresAtMs);
}
