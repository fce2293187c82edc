/**
 * The one way a task changes: `write` extends its log, `update` replaces its public part and brings
 * lane, queue figures and all indexes in line with the new state, so that none of them can disagree.
 */
import type { LogEntry } from "../../../gen/agentlane/store/v1/record_pb.js";
import {
  type Attempt,
  type AttemptOutcome,
  type Task,
  type TaskError,
  type TaskEvent,
  TaskState,
} from "../../../gen/agentlane/v1/task_pb.js";
import { entriesNotice, logEntry, stateChange } from "../messages.ts";
import { doorbell, refOf } from "./messages.ts";
import type { MemoryState, Operation, QueueTable, TaskEntry } from "./state.ts";
import {
  countRung,
  freed,
  hold,
  isAtRunningLimit,
  type TenantAccount,
  tally,
  unhold,
} from "./tenants.ts";

export function isTerminal(state: TaskState): boolean {
  return (
    state === TaskState.COMPLETED ||
    state === TaskState.INPUT_REQUIRED ||
    state === TaskState.FAILED ||
    state === TaskState.CANCELED
  );
}

export function isHead(entry: TaskEntry): boolean {
  return entry.session.lane.first === entry;
}

/** Appends events as the newest attempt's; the caller stores the returned sequence in the task. */
export function write(op: Operation, entry: TaskEntry, events: readonly TaskEvent[]): number {
  return writeAs(op, entry, entry.task.attempt, events);
}

export function writeAs(
  op: Operation,
  entry: TaskEntry,
  attempt: number,
  events: readonly TaskEvent[],
): number {
  let sequence = entry.task.lastSequence;
  if (events.length === 0) return sequence;
  const written: LogEntry[] = [];
  for (const event of events) {
    const stamped = event.createdAt ? event : { ...event, createdAt: op.now };
    written.push(logEntry(attempt, ++sequence, stamped));
  }
  for (const item of written) entry.log.push(item);
  op.notices.push(entriesNotice(refOf(entry), written));
  return sequence;
}

export function update(op: Operation, entry: TaskEntry, task: Task): void {
  const previous = entry.task.state;
  entry.task = task;
  if (task.state !== previous) {
    count(entry.queue, previous, task.state);
    if (entry.counted) tally(entry.counted, previous, task.state);
  }
  indexTimes(op.state, entry);
  if (task.state !== TaskState.QUEUED) unready(op.state, entry);
  if (isTerminal(task.state)) {
    leaveLane(op, entry);
    indexEnd(op, entry);
  } else {
    unlinkEnd(op.state, entry);
    entry.laneLink ??= entry.session.lane.append(entry);
    if (task.state === TaskState.QUEUED && isHead(entry)) becomeReady(op, entry);
  }
  if (entry.counted) letRing(op, entry.counted.account);
}

/** Counts a task that has just been accepted, then indexes it. */
export function admit(op: Operation, entry: TaskEntry): void {
  entry.queue.queuedCount++;
  if (entry.counted) tally(entry.counted, TaskState.UNSPECIFIED, TaskState.QUEUED);
  update(op, entry, entry.task);
}

/** For the record; the change that an attempt itself makes is its caller's to tell. */
export function noteChange(
  op: Operation,
  entry: TaskEntry,
  state: TaskState,
  error?: TaskError,
): void {
  const { task, submitted } = entry;
  op.changes.push({
    ...refOf(entry),
    agentId: task.agentId,
    attempt: task.attempt,
    previous: task.state,
    state,
    reason: error?.reason ?? "",
    traceHeaders: submitted.traceHeaders,
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
  entry.queue.attemptCount++;
  entry.queue.attemptTotalMs += Math.max(0, op.nowMs - entry.attemptStartedAtMs);
  entry.leaseExpiresAtMs = 0;
  const attempts = entry.task.attempts.slice();
  const last = attempts.pop();
  if (last) attempts.push({ ...last, finishedAt: op.now, outcome, error });
  return attempts;
}

/** Rings for a ready task, as often as it takes. */
export function ring(op: Operation, entry: TaskEntry): void {
  entry.published = false;
  entry.rungAtMs = op.nowMs;
  op.state.unpublished.remove(entry.unpublishedLink);
  entry.unpublishedLink = op.state.unpublished.append(entry);
  op.doorbells.push(doorbell(entry, op.now));
}

/** Deletes a terminal task and all that names it. */
export function forget(state: MemoryState, entry: TaskEntry): void {
  const { table, session, counted } = entry;
  unlinkEnd(state, entry);
  if (counted) counted.account.storedBytes -= counted.bytes;
  table.tasks.delete(entry.task.taskId);
  table.accepted.remove(entry.acceptedLink);
  session.tasks.remove(entry.sessionLink);
  if (entry.key) {
    state.keys.delete(entry.key);
    table.keys.delete(entry.key.key);
  }
  if (session.tasks.size === 0 && !session.context && session.sessionId !== "") {
    table.sessions.delete(session.key);
  }
}

function count(queue: QueueTable, previous: TaskState, state: TaskState): void {
  if (previous === TaskState.QUEUED) queue.queuedCount--;
  else if (previous === TaskState.RUNNING) queue.runningCount--;
  else if (previous === TaskState.RETRY_WAIT) queue.retryWaitCount--;
  if (state === TaskState.QUEUED) queue.queuedCount++;
  else if (state === TaskState.RUNNING) queue.runningCount++;
  else if (state === TaskState.RETRY_WAIT) queue.retryWaitCount++;
  else if (state === TaskState.FAILED) queue.failedCount++;
  else queue.completedCount++;
}

function indexTimes(state: MemoryState, entry: TaskEntry): void {
  const { task, deadlineAtMs } = entry;
  if (task.state === TaskState.RUNNING) state.leases.set(entry, entry.leaseExpiresAtMs);
  else state.leases.delete(entry);
  if (task.state !== TaskState.RETRY_WAIT) state.retries.delete(entry);
  const waits = task.state === TaskState.QUEUED || task.state === TaskState.RETRY_WAIT;
  if (waits && deadlineAtMs !== undefined) state.deadlines.set(entry, deadlineAtMs);
  else state.deadlines.delete(entry);
}

function becomeReady(op: Operation, entry: TaskEntry): void {
  const { counted, queue } = entry;
  if (queue.ready.has(entry) || counted?.heldLink) return;
  if (counted) {
    hold(counted, entry, op.nowMs);
    letRing(op, counted.account);
    return;
  }
  queue.ready.add(entry);
  ring(op, entry);
}

/** Rings for what its tenant holds and may have rung now. */
export function letRing(
  op: Operation,
  account: TenantAccount,
  limit = Number.POSITIVE_INFINITY,
): void {
  for (const entry of freed(account, op.nowMs, limit)) {
    entry.queue.ready.add(entry);
    ring(op, entry);
  }
}

/** Whether its tenant may run no more; then it is held. */
export function isParked(op: Operation, entry: TaskEntry): boolean {
  const { counted } = entry;
  if (!counted || !isAtRunningLimit(counted)) return false;
  unready(op.state, entry);
  hold(counted, entry, op.nowMs);
  return true;
}

function unready(state: MemoryState, entry: TaskEntry): void {
  const { counted, task } = entry;
  if (counted?.heldLink) unhold(counted, task.queue);
  if (entry.queue.ready.delete(entry) && counted) countRung(counted, task.queue, -1);
  state.unpublished.remove(entry.unpublishedLink);
  entry.unpublishedLink = undefined;
}

function leaveLane(op: Operation, entry: TaskEntry): void {
  const { lane } = entry.session;
  lane.remove(entry.laneLink);
  entry.laneLink = undefined;
  const head = lane.first;
  if (head?.task.state === TaskState.QUEUED) becomeReady(op, head);
}

function indexEnd(op: Operation, entry: TaskEntry): void {
  const { state, nowMs } = op;
  const failed = entry.task.state === TaskState.FAILED;
  entry.endedAtMs = nowMs;
  entry.endedOrder = ++state.counter;
  entry.logLink = state.keptLogs.append(entry);
  state.keptEventCount += entry.log.length;
  entry.endedLink = (failed ? state.dead : state.ended).append(entry);
  if (failed) {
    entry.deadLetterLink = entry.table.deadLetters.append(entry);
    entry.queue.deadLetterCount++;
  }
  makeRoom(state, entry);
}

/** Dead letters go last: somebody may still want to redrive them. */
function makeRoom(state: MemoryState, newest: TaskEntry): void {
  const { limits, keptLogs, ended, dead } = state;
  while (state.keptEventCount > limits.maxEndedEvents && keptLogs.first !== newest) {
    if (!keptLogs.first) break;
    dropLog(state, keptLogs.first);
  }
  while (ended.size + dead.size > limits.maxEndedTasks) {
    const oldest = ended.first ?? dead.first;
    if (!oldest || oldest === newest) break;
    forget(state, oldest);
  }
}

/** The log of a terminal task goes; watchers are told that it is out of range. */
export function dropLog(state: MemoryState, entry: TaskEntry): void {
  unlinkLog(state, entry);
  entry.log = [];
  entry.firstSequence = entry.task.lastSequence + 1;
}

function unlinkLog(state: MemoryState, entry: TaskEntry): void {
  if (!entry.logLink) return;
  state.keptLogs.remove(entry.logLink);
  state.keptEventCount -= entry.log.length;
  entry.logLink = undefined;
}

function unlinkEnd(state: MemoryState, entry: TaskEntry): void {
  unlinkLog(state, entry);
  state.ended.remove(entry.endedLink);
  state.dead.remove(entry.endedLink);
  if (entry.deadLetterLink) entry.queue.deadLetterCount--;
  entry.table.deadLetters.remove(entry.deadLetterLink);
  entry.endedLink = undefined;
  entry.deadLetterLink = undefined;
  entry.retired = false;
}
