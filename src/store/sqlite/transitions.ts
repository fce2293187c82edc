/**
 * The one way a task changes: `write` extends its log, `update` replaces its public part and brings
 * lane, queue figures and all indexed columns in line with the new state, so that none can disagree.
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { LogEntriesSchema, type LogEntry } from "../../../gen/agentlane/store/v1/record_pb.js";
import {
  type Attempt,
  type AttemptOutcome,
  type Task,
  type TaskError,
  type TaskEvent,
  TaskState,
} from "../../../gen/agentlane/v1/task_pb.js";
import { entriesNotice, logEntry, stateChange } from "../messages.ts";
import { messageBytes, type PageRoom } from "../page-bytes.ts";
import { doorbell } from "./messages.ts";
import {
  entryOf,
  type Figures,
  figuresOf,
  type Operation,
  type Reading,
  saveEntry,
  type TaskEntry,
} from "./state.ts";
import { countBytes, hold, isAtRunningLimit, letRing, tally, unhold } from "./tenants.ts";

export function isTerminal(state: TaskState): boolean {
  return (
    state === TaskState.COMPLETED ||
    state === TaskState.INPUT_REQUIRED ||
    state === TaskState.FAILED ||
    state === TaskState.CANCELED
  );
}

/** The first of its lane; undefined when the lane is empty, or the task stateless. */
export function laneHead({ sql }: Reading, entry: TaskEntry): TaskEntry | undefined {
  const { tenant, agentId, sessionId } = entry;
  if (sessionId === "") return undefined;
  const row = sql.laneHead.get(tenant, agentId, sessionId);
  return row && entryOf(row);
}

function isHead(op: Operation, entry: TaskEntry): boolean {
  const head = laneHead(op, entry);
  return head === undefined || head.id === entry.id;
}

/** What is written to of a task's log. */
export interface LogPosition {
  readonly id: number;
  readonly tenant: string;
  readonly taskId: string;
  readonly lastSequence: number;
}

/** Appends events as the newest attempt's; the caller stores the returned sequence in the task. */
export function write(op: Operation, entry: TaskEntry, events: readonly TaskEvent[]): number {
  const { id, tenant, taskId, task } = entry;
  const position = { id, tenant, taskId, lastSequence: task.lastSequence };
  return writeAs(op, position, task.attempt, events);
}

export function writeAs(
  op: Operation,
  { id, tenant, taskId, lastSequence }: LogPosition,
  attempt: number,
  events: readonly TaskEvent[],
): number {
  if (events.length === 0) return lastSequence;
  const entries = events.map((event, index) => {
    const stamped = event.createdAt ? event : { ...event, createdAt: op.now };
    return logEntry(attempt, lastSequence + 1 + index, stamped);
  });
  const sequence = lastSequence + entries.length;
  const stored = {
    $typeName: "agentlane.store.v1.LogEntries" as const,
    entries,
    lastSequence: 0,
  };
  op.sql.insertEvents(id, sequence, toBinary(LogEntriesSchema, stored));
  op.notices.push(entriesNotice({ tenant, taskId }, entries));
  return sequence;
}

/** Entries after a sequence, at most `limit`, and as many as fit into `room`. */
export function readEntries(
  { sql }: Reading,
  id: number,
  afterSequence: number,
  limit: number,
  room?: PageRoom,
): LogEntry[] {
  const found: LogEntry[] = [];
  if (limit <= 0) return found;
  for (const { entries } of sql.events.iterate(id, afterSequence)) {
    for (const entry of fromBinary(LogEntriesSchema, entries).entries) {
      if (entry.sequence <= afterSequence) continue;
      if (room && !room.take(messageBytes(entry))) return found;
      found.push(entry);
      if (found.length === limit) return found;
    }
  }
  return found;
}

export function update(op: Operation, entry: TaskEntry, task: Task): void {
  const previous = entry.task.state;
  entry.task = task;
  const hasQuota = entry.quotaBytes !== null;
  if (task.state !== previous) {
    count(figuresOf(op, entry.queue), previous, task.state);
    if (hasQuota) tally(op, entry, previous, task.state);
  }
  if (task.state !== TaskState.RUNNING) entry.leaseEndsAtMs = null;
  if (task.state !== TaskState.RETRY_WAIT) entry.retryAtMs = null;
  if (task.state !== TaskState.QUEUED) unready(op, entry);
  if (isTerminal(task.state)) {
    const wasInLane = entry.lanePosition !== null;
    entry.lanePosition = null;
    markEnd(op, entry);
    saveEntry(op, entry);
    if (wasInLane) promoteNext(op, entry);
    if (hasQuota) letRing(op, entry.tenant, Number.POSITIVE_INFINITY);
    return;
  }
  unmarkEnd(op, entry, previous);
  if (entry.sessionId !== "") entry.lanePosition ??= op.nextOrder();
  const isWaiting = !entry.ready && entry.heldLevel === null;
  if (task.state === TaskState.QUEUED && isWaiting && isHead(op, entry)) {
    if (hasQuota) hold(op, entry);
    else {
      entry.ready = true;
      figuresOf(op, entry.queue).readyCount++;
      ring(op, entry);
    }
  }
  saveEntry(op, entry);
  if (hasQuota) letRing(op, entry.tenant, Number.POSITIVE_INFINITY, entry);
}

/** For the record; the change that an attempt itself makes is its caller's to tell. */
export function noteChange(
  op: Operation,
  entry: TaskEntry,
  state: TaskState,
  error?: TaskError,
): void {
  const { tenant, taskId, agentId, task } = entry;
  op.changes.push({
    ...{ tenant, taskId, agentId, attempt: task.attempt, previous: task.state, state },
    reason: error?.reason ?? "",
    traceHeaders: doorbell(op, entry).traceHeaders,
  });
}

/** Ends a task that no attempt is ending. */
export function endTask(
  op: Operation,
  entry: TaskEntry,
  state: TaskState.CANCELED | TaskState.FAILED,
  error: TaskError,
  changes: Partial<Task> = {},
): void {
  const { task } = entry;
  const change = stateChange(op.now, { previous: task.state, state, error });
  const lastSequence = write(op, entry, [change]);
  noteChange(op, entry, state, error);
  update(op, entry, {
    ...task,
    ...changes,
    state,
    error,
    lastSequence,
    finishedAt: op.now,
    nextAttemptAt: undefined,
  });
}

/** The attempts of a task whose newest one ends now; counts its run time. */
export function endedAttempts(
  op: Operation,
  entry: TaskEntry,
  outcome: AttemptOutcome,
  error: TaskError | undefined,
): Attempt[] {
  const figures = figuresOf(op, entry.queue);
  figures.attemptCount++;
  figures.attemptTotalMs += Math.round(Math.max(0, op.nowMs - entry.attemptStartedAtMs));
  const attempts = entry.task.attempts.slice();
  const last = attempts.pop();
  if (last) attempts.push({ ...last, finishedAt: op.now, outcome, error });
  return attempts;
}

/** Rings for a ready task, as often as it takes; the caller saves it. */
export function ring(op: Operation, entry: TaskEntry): void {
  entry.published = false;
  entry.rungAtMs = op.nowMs;
  op.doorbells.push(doorbell(op, entry));
}

/** Rows of logs that an operation may still delete: a bound on how long it keeps others waiting. */
export interface LogRoom {
  rowCount: number;
}

/** Some 15 ms' worth, with entries of a kilobyte. */
const MAX_DELETED_ROWS = 1000;

export function logRoom(): LogRoom {
  return { rowCount: MAX_DELETED_ROWS };
}

/**
 * Deletes a terminal task and all that names it. False when there is not room enough for its log: what
 * is left of it, without a log, is for a later operation.
 */
export function forget(op: Operation, entry: TaskEntry, room: LogRoom): boolean {
  const { sql } = op;
  dropLog(op, entry, room);
  if (entry.logKept) return false;
  unmarkEnd(op, entry, entry.task.state);
  sql.deleteTask(entry.id);
  countBytes(op, entry.tenant, -(entry.quotaBytes ?? 0));
  const { tenant, agentId, sessionId } = entry;
  if (sessionId === "" || sql.hasTasks.get(tenant, agentId, sessionId)) return true;
  const session = sql.sessionMeta.get(tenant, agentId, sessionId);
  if (session?.etag === "") sql.deleteSession(session.id);
  return true;
}

/**
 * The log of a terminal task goes; watchers are told that it is out of range. Rows that there is no room
 * for stay, unseen, and the task is marked as having them.
 */
export function dropLog(op: Operation, entry: TaskEntry, room: LogRoom): void {
  room.rowCount -= op.sql.deleteEvents(entry.id, room.rowCount);
  entry.logKept = room.rowCount === 0;
  entry.firstSequence = entry.task.lastSequence + 1;
  saveEntry(op, entry);
}

function count(figures: Figures, previous: TaskState, state: TaskState): void {
  if (previous === TaskState.QUEUED) figures.queuedCount--;
  else if (previous === TaskState.RUNNING) figures.runningCount--;
  else if (previous === TaskState.RETRY_WAIT) figures.retryWaitCount--;
  if (state === TaskState.QUEUED) figures.queuedCount++;
  else if (state === TaskState.RUNNING) figures.runningCount++;
  else if (state === TaskState.RETRY_WAIT) figures.retryWaitCount++;
  else if (state === TaskState.FAILED) figures.failedCount++;
  else figures.completedCount++;
}

function unready(op: Operation, entry: TaskEntry): void {
  if (entry.heldLevel !== null) unhold(op, entry);
  if (!entry.ready) return;
  figuresOf(op, entry.queue).readyCount--;
  if (entry.quotaBytes !== null) op.sql.countLine(entry.tenant, entry.queue, -1, 0);
  entry.ready = false;
}

/** Whether its tenant may run no more; then it is held. */
export function isParked(op: Operation, entry: TaskEntry): boolean {
  if (entry.quotaBytes === null || !isAtRunningLimit(op, entry)) return false;
  unready(op, entry);
  hold(op, entry);
  saveEntry(op, entry);
  return true;
}

function promoteNext(op: Operation, entry: TaskEntry): void {
  const head = laneHead(op, entry);
  if (head?.task.state !== TaskState.QUEUED || head.ready || head.heldLevel !== null) return;
  if (head.quotaBytes !== null) {
    hold(op, head);
    op.sql.holdLater(head.heldLevel, head.heldSinceMs, head.id);
    letRing(op, head.tenant, Number.POSITIVE_INFINITY);
    return;
  }
  figuresOf(op, head.queue).readyCount++;
  op.sql.becomeReady(op.nowMs, head.id);
  op.doorbells.push(doorbell(op, head));
}

function markEnd(op: Operation, entry: TaskEntry): void {
  entry.endedAtMs = op.nowMs;
  entry.endedOrder = op.nextOrder();
  entry.logKept = true;
  if (entry.task.state === TaskState.FAILED) figuresOf(op, entry.queue).deadLetterCount++;
}

/** Before it runs again or is deleted. */
function unmarkEnd(op: Operation, entry: TaskEntry, previous: TaskState): void {
  if (previous === TaskState.FAILED) figuresOf(op, entry.queue).deadLetterCount--;
  entry.endedAtMs = null;
  entry.endedOrder = null;
  entry.logKept = false;
  entry.retired = false;
}
