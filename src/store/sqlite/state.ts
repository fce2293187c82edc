/** A task in the hand of an operation, and the operation itself: loaded, changed, saved as a whole. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type {
  CancelMode,
  Notice,
  QueueMessage,
} from "../../../gen/agentlane/store/v1/record_pb.js";
import { type Task, TaskSchema, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { timestamp } from "../../timestamp.ts";
import type { Effects, TaskRef } from "../contract.ts";
import { taskNotFound } from "../refusals.ts";
import type { StateChange } from "../state-change.ts";
import type { TaskRow } from "./rows.ts";
import type { Statements } from "./statements.ts";

/** One atomic operation: the instant it happens at, and what it asks its caller to do. */
export interface Operation {
  readonly sql: Statements;
  readonly nowMs: number;
  readonly now: Timestamp;
  readonly doorbells: QueueMessage[];
  readonly notices: Notice[];
  readonly changes: StateChange[];
  /** By queue; added to the stored figures when the operation ends. */
  readonly figures: Map<string, Figures>;
  /** Orders what has no other order: accepts, ends, places in lanes, commits. */
  nextOrder(): number;
}

/** Changes of a queue's figures. */
export interface Figures {
  readyCount: number;
  queuedCount: number;
  runningCount: number;
  retryWaitCount: number;
  deadLetterCount: number;
  completedCount: number;
  failedCount: number;
  attemptCount: number;
  attemptTotalMs: number;
}

/** What `finish` needs to recognize its repetition. */
export interface LastFinish {
  readonly fence: number;
  readonly afterSequence: number;
  readonly requestedState: TaskState;
  readonly ifExpired: boolean;
  /** Of the event that told of the end. */
  readonly sequence: number;
  readonly sessionEtag: string;
}

export interface TaskEntry {
  readonly id: number;
  readonly tenant: string;
  readonly taskId: string;
  readonly agentId: string;
  readonly sessionId: string;
  readonly queue: string;
  /** Replaced as a whole, never changed. */
  task: Task;
  ready: boolean;
  published: boolean;
  rungAtMs: number;
  lanePosition: number | null;
  fence: number;
  /** Of the newest claim; empty before the first. */
  claimId: string;
  leaseEndsAtMs: number | null;
  attemptStartedAtMs: number;
  attemptSequence: number;
  deadlineAtMs: number | null;
  retryAtMs: number | null;
  cancelMode: CancelMode;
  cancelReason: string;
  firstSequence: number;
  endedAtMs: number | null;
  endedOrder: number | null;
  logKept: boolean;
  retired: boolean;
  /** Of its request; null when it was accepted without a quota. */
  readonly quotaBytes: number | null;
  /** While it is held. */
  heldLevel: number | null;
  heldSinceMs: number | null;
  lastFinish: LastFinish | undefined;
}

export function entryOf(row: TaskRow): TaskEntry {
  const task = fromBinary(TaskSchema, row.task);
  task.lastSequence = row.last_sequence;
  return {
    id: row.id,
    tenant: row.tenant,
    taskId: row.task_id,
    agentId: row.agent_id,
    sessionId: row.session_id,
    queue: row.queue,
    task,
    ready: row.ready === 1,
    published: row.published === 1,
    rungAtMs: row.rung_at,
    lanePosition: row.lane_position,
    fence: row.fence,
    claimId: row.claim_id,
    leaseEndsAtMs: row.lease_ends_at,
    attemptStartedAtMs: row.attempt_started_at,
    attemptSequence: row.attempt_sequence,
    deadlineAtMs: row.deadline_at,
    retryAtMs: row.retry_at,
    cancelMode: row.cancel_mode,
    cancelReason: row.cancel_reason,
    firstSequence: row.first_sequence,
    endedAtMs: row.ended_at,
    endedOrder: row.ended_order,
    logKept: row.log_kept === 1,
    retired: row.retired === 1,
    quotaBytes: row.quota_bytes,
    heldLevel: row.held_level,
    heldSinceMs: row.held_since,
    lastFinish:
      row.finish_fence === null
        ? undefined
        : {
            fence: row.finish_fence,
            afterSequence: row.finish_after ?? 0,
            requestedState: row.finish_state ?? 0,
            ifExpired: row.finish_expired === 1,
            sequence: row.finish_sequence ?? 0,
            sessionEtag: row.finish_etag ?? "",
          },
  };
}

/** In the order of TASK_COLUMNS. */
function columnsOf(entry: TaskEntry) {
  const { task, lastFinish } = entry;
  return [
    task.state,
    flag(entry.ready),
    flag(entry.published),
    entry.rungAtMs,
    entry.lanePosition,
    task.attempt,
    entry.fence,
    entry.claimId,
    entry.leaseEndsAtMs,
    entry.attemptStartedAtMs,
    entry.attemptSequence,
    entry.deadlineAtMs,
    entry.retryAtMs,
    dueAtMs(entry),
    entry.cancelMode,
    entry.cancelReason,
    entry.firstSequence,
    task.lastSequence,
    entry.endedAtMs,
    entry.endedOrder,
    task.error?.reason ?? "",
    flag(entry.logKept),
    flag(entry.retired),
    lastFinish?.fence ?? null,
    lastFinish?.afterSequence ?? null,
    lastFinish?.requestedState ?? null,
    lastFinish ? flag(lastFinish.ifExpired) : null,
    lastFinish?.sequence ?? null,
    lastFinish?.sessionEtag ?? null,
    entry.quotaBytes,
    entry.heldLevel,
    entry.heldSinceMs,
    toBinary(TaskSchema, task),
  ];
}

function flag(value: boolean): number {
  return value ? 1 : 0;
}

/** When a waiting task is looked at next: at its retry or its deadline, whichever comes first. */
function dueAtMs({ task, retryAtMs, deadlineAtMs }: TaskEntry): number | null {
  const { state } = task;
  if (state !== TaskState.QUEUED && state !== TaskState.RETRY_WAIT) return null;
  if (retryAtMs === null) return deadlineAtMs;
  return deadlineAtMs === null ? retryAtMs : Math.min(retryAtMs, deadlineAtMs);
}

export function insertEntry({ sql }: Operation, entry: TaskEntry): void {
  const { id, tenant, taskId, agentId, sessionId, queue } = entry;
  sql.insertTask(id, tenant, taskId, agentId, sessionId, queue, ...columnsOf(entry));
}

export function saveEntry({ sql }: Operation, entry: TaskEntry): void {
  sql.saveTask(...columnsOf(entry), entry.id);
}

/** What reads need too. */
export type Reading = Pick<Operation, "sql" | "nowMs" | "now">;

export function findTask({ sql }: Reading, { tenant, taskId }: TaskRef): TaskEntry | undefined {
  const row = sql.findTask.get(tenant, taskId);
  return row && entryOf(row);
}

export function requireTask(op: Reading, ref: TaskRef): TaskEntry {
  const entry = findTask(op, ref);
  if (!entry) throw taskNotFound(ref.taskId);
  return entry;
}

export function begin(sql: Statements, nowMs: number, nextOrder: () => number): Operation {
  const now = timestamp(nowMs);
  const asked = { doorbells: [], notices: [], changes: [] };
  return { sql, nowMs, now, ...asked, figures: new Map(), nextOrder };
}

export function figuresOf(op: Operation, queue: string): Figures {
  let figures = op.figures.get(queue);
  if (!figures) {
    figures = {
      readyCount: 0,
      queuedCount: 0,
      runningCount: 0,
      retryWaitCount: 0,
      deadLetterCount: 0,
      completedCount: 0,
      failedCount: 0,
      attemptCount: 0,
      attemptTotalMs: 0,
    };
    op.figures.set(queue, figures);
  }
  return figures;
}

export function saveFigures({ sql, figures }: Operation): void {
  for (const [queue, changes] of figures) {
    sql.addFigures(
      queue,
      changes.readyCount,
      changes.queuedCount,
      changes.runningCount,
      changes.retryWaitCount,
      changes.deadLetterCount,
      changes.completedCount,
      changes.failedCount,
      changes.attemptCount,
      changes.attemptTotalMs,
    );
  }
}

/** Without `nextDueInMs`, which is a query more. */
export function effectsOf({ doorbells, notices, changes }: Operation): Effects {
  return changes.length > 0 ? { doorbells, notices, changes } : { doorbells, notices };
}

export function effectsWithDue(op: Operation): Effects {
  const next = op.sql.nextDue.get();
  if (!next) return effectsOf(op);
  return { ...effectsOf(op), nextDueInMs: Math.max(0, next.due_at - op.nowMs) };
}

export function joinEffects(all: readonly Effects[]): Effects {
  return {
    doorbells: all.flatMap(({ doorbells }) => doorbells),
    notices: all.flatMap(({ notices }) => notices),
    changes: all.flatMap(({ changes = [] }) => changes),
  };
}
