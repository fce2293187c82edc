/** The read side of the SQLite store. */
import type { Task } from "../../../gen/agentlane/v1/task_pb.js";
import type { QueueFigures, TaskFilter, TaskLog } from "../contract.ts";
import { pageRoom } from "../page-bytes.ts";
import { taskNotFound } from "../refusals.ts";
import { rowOfKey } from "./cancel.ts";
import type { Database } from "./database.ts";
import { type Found, pageOf, type Step } from "./paging.ts";
import type { FiguresRow, TaskRow } from "./rows.ts";
import { entryOf, requireTask } from "./state.ts";
import { isTerminal, readEntries } from "./transitions.ts";

/** Tasks that one look reads: a bound on how long it keeps others waiting. */
const STEP_COUNT = 200;

export function createLog(db: Database): TaskLog {
  return {
    get: (ref) => db.read((op) => requireTask(op, ref).task),

    idOfKey: (tenant, idempotencyKey) =>
      db.read((op) => rowOfKey(op, tenant, idempotencyKey).task_id),

    list: (tenant, filter, page) =>
      pageOf(page, (before, count) =>
        db.read(({ sql }) => {
          const { agentId, sessionId } = filter;
          const rows =
            agentId && sessionId
              ? sql.ofSession.iterate(tenant, agentId, sessionId, before, STEP_COUNT)
              : sql.accepted.iterate(tenant, before, STEP_COUNT);
          return look(rows, filter, count);
        }),
      ),

    read: (ref, afterSequence, limit) =>
      db.read((op) => {
        const row = op.sql.findTask.get(ref.tenant, ref.taskId);
        if (!row) throw taskNotFound(ref.taskId);
        return {
          entries: readEntries(
            op,
            row.id,
            Math.max(afterSequence, row.first_sequence - 1),
            limit,
            pageRoom(),
          ),
          firstSequence: row.first_sequence,
          lastSequence: row.last_sequence,
          terminal: isTerminal(row.state),
        };
      }),

    figures: (queue) => db.read(({ sql }) => figuresOf(sql.figures.get(queue) ?? NO_FIGURES)),

    queues: () => db.read(({ sql }) => sql.queues.all().map(({ name }) => name)),
  };
}

/** Reads row by row: what is not read any more takes no memory. */
function look(rows: Iterable<TaskRow>, filter: TaskFilter, count: number): Step<Task> {
  const items: Found<Task>[] = [];
  const room = pageRoom();
  let lookedAtCount = 0;
  let next: number | undefined;
  for (const row of rows) {
    const bytes = row.task.length;
    if (fits(row, filter)) {
      if (items.length === count || !room.take(bytes)) return { items, next };
      const { task } = entryOf(row);
      if (hasMetadata(task, filter)) items.push({ order: row.id, item: task, bytes });
    }
    lookedAtCount++;
    next = row.id;
  }
  return { items, next: lookedAtCount < STEP_COUNT ? undefined : next };
}

const NO_FIGURES: FiguresRow = {
  ready_count: 0,
  queued_count: 0,
  running_count: 0,
  retry_wait_count: 0,
  dead_letter_count: 0,
  completed_count: 0,
  failed_count: 0,
  attempt_count: 0,
  attempt_total_ms: 0,
};

function figuresOf(row: FiguresRow): QueueFigures {
  return {
    readyCount: row.ready_count,
    waitingCount: row.queued_count - row.ready_count + row.retry_wait_count,
    retryWaitCount: row.retry_wait_count,
    runningCount: row.running_count,
    deadLetterCount: row.dead_letter_count,
    completedCount: row.completed_count,
    failedCount: row.failed_count,
    attemptCount: row.attempt_count,
    attemptTotalMs: row.attempt_total_ms,
  };
}

function fits(row: TaskRow, { agentId, sessionId, states = [] }: TaskFilter): boolean {
  if (agentId && row.agent_id !== agentId) return false;
  if (sessionId && row.session_id !== sessionId) return false;
  return states.length === 0 || states.some((state) => state === row.state);
}

function hasMetadata(task: Task, { metadata = {} }: TaskFilter): boolean {
  return Object.entries(metadata).every(([name, value]) => {
    return Object.hasOwn(task.metadata, name) && task.metadata[name] === value;
  });
}
