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
import { doorbell, recordOf, refOf } from "./messages.ts";
import { commit, refuseCommit } from "./sessions.ts";
import { findTask, type MemoryState, type Operation, type TaskEntry } from "./state.ts";
import { countTokens } from "./tenants.ts";
import { endedAttempts, endTask, isHead, isParked, update, write, writeAs } from "./transitions.ts";

/** The newest attempts of a task that its record keeps. */
const KEPT_ATTEMPTS = 32;

export function claim(op: Operation, request: ClaimRequest): Claim | undefined {
  const entry = findTask(op.state, request.ref);
  if (entry?.claimId === request.claimId) return repeatedClaim(op, entry);
  if (entry?.task.state !== TaskState.QUEUED || !isHead(entry)) return undefined;
  if (entry.counted?.heldLink) return undefined;
  if (entry.deadlineAtMs !== undefined && entry.deadlineAtMs <= op.nowMs) {
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

function claimOf({ nowMs }: Operation, entry: TaskEntry): Claim {
  const { fence, task, session, deadlineAtMs } = entry;
  return {
    lease: { ...refOf(entry), fence, attempt: task.attempt },
    record: recordOf(entry),
    sessionEtag: session.etag,
    deadlineInMs: deadlineAtMs === undefined ? undefined : deadlineAtMs - nowMs,
  };
}

function start(op: Operation, entry: TaskEntry, request: ClaimRequest): void {
  const { task } = entry;
  const { workerId, claimId, spanId } = request;
  const attempt = task.attempt + 1;
  const change = { previous: TaskState.QUEUED, state: TaskState.RUNNING, workerId };
  const lastSequence = writeAs(op, entry, attempt, [stateChange(op.now, change)]);
  const kept = task.attempts.length < KEPT_ATTEMPTS ? task.attempts : task.attempts.slice(1);
  entry.fence += 1n;
  entry.claimId = claimId;
  entry.leaseExpiresAtMs = op.nowMs + request.leaseMs;
  entry.attemptStartedAtMs = op.nowMs;
  entry.attemptSequence = lastSequence;
  entry.session.lastWorkerId = workerId;
  update(op, entry, {
    ...task,
    state: TaskState.RUNNING,
    attempt,
    lastSequence,
    startedAt: task.startedAt ?? op.now,
    error: undefined,
    attempts: [...kept, startedAttempt(attempt, workerId, spanId, op.now)],
  });
}

/**
 * The task that the lease owns. A lease that has ended but that nobody has acted upon is still its
 * holder's: the fence alone keeps two attempts apart, and a holder who comes back in time goes on.
 */
function held(state: MemoryState, lease: Lease): TaskEntry | undefined {
  const entry = findTask(state, lease);
  const valid = entry?.task.state === TaskState.RUNNING && entry.fence === lease.fence;
  return valid ? entry : undefined;
}

function requireHeld(state: MemoryState, lease: Lease): TaskEntry {
  const entry = held(state, lease);
  if (!entry) throw leaseLost(lease.taskId, lease.fence);
  return entry;
}

export function renew(op: Operation, lease: Lease, leaseMs: number): LeaseStatus {
  const entry = held(op.state, lease);
  if (!entry) return { valid: false };
  entry.leaseExpiresAtMs = op.nowMs + leaseMs;
  op.state.leases.set(entry, entry.leaseExpiresAtMs);
  if (entry.cancelMode === CancelMode.UNSPECIFIED) return { valid: true };
  return { valid: true, cancel: { mode: entry.cancelMode, reason: entry.cancelReason } };
}

export function append(
  op: Operation,
  lease: Lease,
  afterSequence: number,
  events: readonly TaskEvent[],
): number {
  const entry = requireHeld(op.state, lease);
  const { task } = entry;
  if (afterSequence + events.length <= task.lastSequence) {
    requirePosition(entry, afterSequence, afterSequence);
    announceAgain(op, entry, afterSequence, afterSequence + events.length);
    return afterSequence + events.length;
  }
  const fresh = unwritten(op, entry, afterSequence, events);
  const lastSequence = write(op, entry, fresh);
  entry.task = { ...task, lastSequence };
  return lastSequence;
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
  const entry = requireHeld(op.state, lease);
  const { ifExpired = false } = request;
  const session = isDiscarded(entry, request) ? undefined : request.session;
  if (ifExpired && entry.leaseExpiresAtMs > op.nowMs) throw leaseLost(lease.taskId, lease.fence);
  if (session) refuseCommit(entry, session);
  // Whoever ends a dead attempt does not know where its log ends.
  const afterSequence = ifExpired ? entry.task.lastSequence : request.afterSequence;
  const events = unwritten(op, entry, afterSequence, request.events);
  if (session) commit(op, entry, session);
  if (entry.counted) countTokens(entry.counted, tokensOf(request.ending), op.nowMs);
  endAttempt(op, entry, events, request.ending);
  entry.lastFinish = {
    fence: lease.fence,
    afterSequence: request.afterSequence,
    requestedState: request.ending.state,
    ifExpired,
    task: entry.task,
    sessionEtag: entry.session.etag,
  };
  return { task: entry.task, state: entry.task.state, sessionEtag: entry.session.etag };
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
  const retryAtMs = waits ? op.nowMs + ending.delayMs : undefined;
  const nextAttemptAt = retryAtMs === undefined ? undefined : timestamp(retryAtMs);
  const { state } = ending;
  const change = { previous: task.state, state, result, error, nextAttemptAt };
  const lastSequence = write(op, entry, [...events, stateChange(op.now, change)]);
  if (retryAtMs !== undefined) op.state.retries.set(entry, retryAtMs);
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
  const entry = findTask(op.state, lease);
  const last = entry?.lastFinish;
  if (!entry || last?.fence !== lease.fence || entry.fence !== lease.fence) return undefined;
  const same =
    last.afterSequence === request.afterSequence &&
    last.requestedState === request.ending.state &&
    last.ifExpired === (request.ifExpired ?? false);
  if (!same) throw leaseLost(lease.taskId, lease.fence);
  const afterSequence = last.ifExpired ? last.task.lastSequence - 1 : last.afterSequence;
  announceAgain(op, entry, afterSequence, last.task.lastSequence);
  const head = entry.session.lane.first;
  if (head?.queue.ready.has(head)) op.doorbells.push(doorbell(head, op.now));
  return { task: last.task, state: last.task.state, sessionEtag: last.sessionEtag };
}

/** Positions that the attempt has written already are skipped: that makes a repetition harmless. */
function unwritten(
  op: Operation,
  entry: TaskEntry,
  afterSequence: number,
  events: readonly TaskEvent[],
): readonly TaskEvent[] {
  const { lastSequence } = entry.task;
  if (afterSequence === lastSequence) return events;
  requirePosition(entry, afterSequence, lastSequence - events.length);
  announceAgain(op, entry, afterSequence, lastSequence);
  return events.slice(lastSequence - afterSequence);
}

function requirePosition(entry: TaskEntry, afterSequence: number, leastSequence: number): void {
  const { taskId, lastSequence } = entry.task;
  const first = Math.max(entry.attemptSequence, leastSequence);
  if (afterSequence >= first && afterSequence <= lastSequence) return;
  throw sequenceMismatch(taskId, lastSequence, afterSequence);
}

function announceAgain(op: Operation, entry: TaskEntry, after: number, last: number): void {
  const { firstSequence, log } = entry;
  const entries = log.slice(Math.max(0, after + 1 - firstSequence), last + 1 - firstSequence);
  if (entries.length > 0) op.notices.push(entriesNotice(refOf(entry), entries));
}
