/** An attempt from its claim to its end: leases, fences, the log's growth. */
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import type { TaskEvent } from "../../../gen/agentlane/v1/task_pb.js";
import { AttemptOutcome, type Task, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { leaseLost } from "../../errors.ts";
import { timestamp } from "../../timestamp.ts";
import type { Claim, ClaimRequest, Ending, Finish, Lease, LeaseStatus } from "../contract.ts";
import {
  deadlineError,
  endingOf,
  entriesNotice,
  outcomeOf,
  startedAttempt,
  stateChange,
} from "../messages.ts";
import { tokensOf } from "../quota.ts";
import { sequenceMismatch } from "../refusals.ts";
import { doorbell, recordOf } from "./messages.ts";
import type { TaskRow } from "./rows.ts";
import { commit, etagOf, refuseCommit, usedBy } from "./sessions.ts";
import { entryOf, findTask, type Operation, type TaskEntry } from "./state.ts";
import { countTokens } from "./tenants.ts";
import {
  endedAttempts,
  endTask,
  isParked,
  laneHead,
  readEntries,
  update,
  write,
  writeAs,
} from "./transitions.ts";

/** The newest attempts of a task that its record keeps. */
const KEPT_ATTEMPTS = 32;

export function claim(op: Operation, request: ClaimRequest): Claim | undefined {
  const entry = findTask(op, request.ref);
  if (entry?.claimId === request.claimId) return repeatedClaim(op, entry);
  // Ready is QUEUED and head of the lane.
  if (!entry?.ready) return undefined;
  if (entry.deadlineAtMs !== null && entry.deadlineAtMs <= op.nowMs) {
    endTask(op, entry, TaskState.FAILED, deadlineError());
    return undefined;
  }
  if (isParked(op, entry)) return undefined;
  start(op, entry, request);
  return claimOf(op, entry);
}

/** Its reply was lost, and so was the word that the attempt has started. */
function repeatedClaim(op: Operation, entry: TaskEntry): Claim | undefined {
  const { state, lastSequence } = entry.task;
  if (state !== TaskState.RUNNING) return undefined;
  announceAgain(op, entry, entry.attemptSequence - 1, lastSequence);
  return claimOf(op, entry);
}

function claimOf(op: Operation, entry: TaskEntry): Claim {
  const { tenant, taskId, fence, task, deadlineAtMs } = entry;
  return {
    lease: { tenant, taskId, fence: BigInt(fence), attempt: task.attempt },
    record: recordOf(op, entry),
    sessionEtag: etagOf(op, entry),
    deadlineInMs: deadlineAtMs === null ? undefined : deadlineAtMs - op.nowMs,
  };
}

function start(op: Operation, entry: TaskEntry, request: ClaimRequest): void {
  const { error: _, ...task } = entry.task;
  const { workerId, claimId, spanId } = request;
  const attempt = task.attempt + 1;
  const change = { previous: TaskState.QUEUED, state: TaskState.RUNNING, workerId };
  const position = { ...entry, lastSequence: task.lastSequence };
  const lastSequence = writeAs(op, position, attempt, [stateChange(op.now, change)]);
  const kept = task.attempts.length < KEPT_ATTEMPTS ? task.attempts : task.attempts.slice(1);
  entry.fence++;
  entry.claimId = claimId;
  entry.leaseEndsAtMs = Math.round(op.nowMs + request.leaseMs);
  entry.attemptStartedAtMs = op.nowMs;
  entry.attemptSequence = lastSequence;
  usedBy(op, entry, workerId);
  update(op, entry, {
    ...task,
    state: TaskState.RUNNING,
    attempt,
    lastSequence,
    startedAt: task.startedAt ?? op.now,
    attempts: [...kept, startedAttempt(attempt, workerId, spanId, op.now)],
  });
}

/**
 * The task that the lease owns. A lease that has ended but that nobody has acted upon is still its
 * holder's: the fence alone keeps two attempts apart, and a holder who comes back in time goes on.
 */
function held({ sql }: Operation, lease: Lease): TaskRow | undefined {
  const row = sql.findTask.get(lease.tenant, lease.taskId);
  const valid = row?.state === TaskState.RUNNING && BigInt(row.fence) === lease.fence;
  return valid ? row : undefined;
}

function requireHeld(op: Operation, lease: Lease): TaskRow {
  const row = held(op, lease);
  if (!row) throw leaseLost(lease.taskId, lease.fence);
  return row;
}

export function renew(op: Operation, lease: Lease, leaseMs: number): LeaseStatus {
  const row = held(op, lease);
  if (!row) return { valid: false };
  op.sql.extendLease(Math.round(op.nowMs + leaseMs), row.id);
  if (row.cancel_mode === CancelMode.UNSPECIFIED) return { valid: true };
  return { valid: true, cancel: { mode: row.cancel_mode, reason: row.cancel_reason } };
}

export function append(
  op: Operation,
  lease: Lease,
  afterSequence: number,
  events: readonly TaskEvent[],
): number {
  const log = logOf(requireHeld(op, lease));
  if (afterSequence + events.length <= log.lastSequence) {
    requirePosition(log, afterSequence, afterSequence);
    announceAgain(op, log, afterSequence, afterSequence + events.length);
    return afterSequence + events.length;
  }
  const fresh = unwritten(op, log, afterSequence, events);
  const lastSequence = writeAs(op, log, lease.attempt, fresh);
  op.sql.setLastSequence(lastSequence, log.id);
  return lastSequence;
}

/** A task's log, and where the newest attempt's part of it begins. */
interface OpenLog {
  readonly id: number;
  readonly tenant: string;
  readonly taskId: string;
  readonly lastSequence: number;
  readonly attemptSequence: number;
}

function logOf(row: TaskRow): OpenLog {
  return {
    id: row.id,
    tenant: row.tenant,
    taskId: row.task_id,
    lastSequence: row.last_sequence,
    attemptSequence: row.attempt_sequence,
  };
}

/** What `finish` answers, its effects aside. */
interface Finished {
  readonly task: Task;
  readonly state: TaskState;
  readonly sessionEtag: string;
}

export function finish(op: Operation, lease: Lease, request: Finish): Finished {
  const repeated = repeatedFinish(op, lease, request);
  if (repeated) return repeated;
  const row = requireHeld(op, lease);
  const entry = entryOf(row);
  const { ifExpired = false, ending } = request;
  const session = isDiscarded(entry, request) ? undefined : request.session;
  if (ifExpired && (entry.leaseEndsAtMs ?? 0) > op.nowMs) {
    throw leaseLost(lease.taskId, lease.fence);
  }
  if (session) refuseCommit(op, entry, session);
  const log = logOf(row);
  // Whoever ends a dead attempt does not know where its log ends.
  const afterSequence = ifExpired ? log.lastSequence : request.afterSequence;
  const events = unwritten(op, log, afterSequence, request.events);
  const sessionEtag = session ? commit(op, entry, session) : etagOf(op, entry);
  entry.lastFinish = {
    fence: entry.fence,
    afterSequence: request.afterSequence,
    requestedState: ending.state,
    ifExpired,
    sequence: log.lastSequence + events.length + 1,
    sessionEtag,
  };
  if (entry.quotaBytes !== null) countTokens(op, entry.tenant, tokensOf(ending));
  endAttempt(op, entry, events, ending);
  return { task: entry.task, state: entry.task.state, sessionEtag };
}

/** A rollback may have overtaken the finish of an attempt that was to keep its output. */
function isDiscarded({ cancelMode }: TaskEntry, { ending }: Finish): boolean {
  return ending.state === TaskState.CANCELED && cancelMode === CancelMode.DISCARD;
}

function endAttempt(
  op: Operation,
  entry: TaskEntry,
  events: readonly TaskEvent[],
  requested: Ending,
): void {
  const { task } = entry;
  const outcome = outcomeOf(requested);
  const attemptError = "error" in requested ? requested.error : undefined;
  const attempts = endedAttempts(op, entry, outcome, attemptError);
  const ending = endingOf(entry, requested);
  const result = "result" in ending ? ending.result : undefined;
  const error = "error" in ending ? ending.error : undefined;
  const waits = ending.state === TaskState.RETRY_WAIT;
  const retryAtMs = waits ? Math.round(op.nowMs + ending.delayMs) : null;
  const nextAttemptAt = retryAtMs === null ? undefined : timestamp(retryAtMs);
  const { state } = ending;
  const change = { previous: task.state, state, result, error, nextAttemptAt };
  const lastSequence = write(op, entry, [...events, stateChange(op.now, change)]);
  entry.retryAtMs = retryAtMs;
  update(op, entry, {
    ...task,
    state,
    result,
    error: state === TaskState.QUEUED ? undefined : error,
    nextAttemptAt,
    attempts,
    lastSequence,
    finishedAt: state === TaskState.QUEUED || waits ? undefined : op.now,
    consumedAttempts: task.consumedAttempts + (outcome === AttemptOutcome.RELEASED ? 0 : 1),
  });
}

function repeatedFinish(op: Operation, lease: Lease, request: Finish): Finished | undefined {
  const row = op.sql.findTask.get(lease.tenant, lease.taskId);
  if (!row || row.finish_fence === null || row.finish_fence !== row.fence) return undefined;
  if (BigInt(row.finish_fence) !== lease.fence) return undefined;
  const entry = entryOf(row);
  const last = entry.lastFinish;
  const same =
    last?.afterSequence === request.afterSequence &&
    last.requestedState === request.ending.state &&
    last.ifExpired === (request.ifExpired ?? false);
  if (!same) throw leaseLost(lease.taskId, lease.fence);
  const afterSequence = last.ifExpired ? last.sequence - 1 : last.afterSequence;
  announceAgain(op, entry, afterSequence, last.sequence);
  const head = entry.sessionId === "" ? entry : laneHead(op, entry);
  if (head?.ready) op.doorbells.push(doorbell(op, head));
  return { task: entry.task, state: entry.task.state, sessionEtag: last.sessionEtag };
}

/** Positions that the attempt has written already are skipped: that makes a repetition harmless. */
function unwritten(
  op: Operation,
  log: OpenLog,
  afterSequence: number,
  events: readonly TaskEvent[],
): readonly TaskEvent[] {
  const { lastSequence } = log;
  if (afterSequence === lastSequence) return events;
  requirePosition(log, afterSequence, lastSequence - events.length);
  announceAgain(op, log, afterSequence, lastSequence);
  return events.slice(lastSequence - afterSequence);
}

function requirePosition(log: OpenLog, afterSequence: number, leastSequence: number): void {
  const { taskId, lastSequence, attemptSequence } = log;
  const first = Math.max(attemptSequence, leastSequence);
  if (afterSequence >= first && afterSequence <= lastSequence) return;
  throw sequenceMismatch(taskId, lastSequence, afterSequence);
}

function announceAgain(
  op: Operation,
  log: Pick<OpenLog, "id" | "tenant" | "taskId">,
  after: number,
  last: number,
): void {
  const entries = readEntries(op, log.id, after, last - after);
  const { tenant, taskId } = log;
  if (entries.length > 0) op.notices.push(entriesNotice({ tenant, taskId }, entries));
}
