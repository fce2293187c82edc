/** Dead letters: FAILED tasks, until they are redriven, purged or past retention. */
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import { type Task, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { DeadLetterStore, Effects, Page, PageRequest, TaskRef } from "../contract.ts";
import { stateChange } from "../messages.ts";
import { pageRoom } from "../page-bytes.ts";
import { writeToken } from "../page-token.ts";
import type { Database } from "./database.ts";
import { firstBefore } from "./paging.ts";
import type { DeadLetterRow, TaskRow } from "./rows.ts";
import {
  effectsOf,
  entryOf,
  findTask,
  joinEffects,
  type Operation,
  type Reading,
} from "./state.ts";
import { forget, logRoom, noteChange, update, write } from "./transitions.ts";

/** Tasks that one operation changes: a bound on how long it keeps others waiting. */
const BATCH_COUNT = 100;

export function createDeadLetters(db: Database): DeadLetterStore {
  return {
    list: (tenant, { agentId, reason }, page) =>
      db.read(({ sql }) => {
        const fits = [agentId ?? "", reason ?? ""];
        const rows = sql.deadLetters.all(tenant, firstBefore(page), ...fits, page.size + 1);
        const totalCount = sql.deadLetterCount.get(tenant, ...fits)?.found ?? 0;
        return { ...show(sql, rows, page), totalCount };
      }),

    /** In steps: one that fails leaves those before it redriven, and a repeat goes on. */
    async redrive(tenant, taskIds) {
      const redriven: string[] = [];
      const skipped: string[] = [];
      const effects: Effects[] = [];
      for (const ids of batches([...new Set(taskIds)])) {
        const done = await db.write((op) => {
          const found = ids.map((taskId) => redrive(op, { tenant, taskId }));
          return { found, effects: effectsOf(op) };
        });
        effects.push(done.effects);
        for (const [index, taskId] of ids.entries()) {
          (done.found[index] ? redriven : skipped).push(taskId);
        }
      }
      return { redriven, skipped, effects: joinEffects(effects) };
    },

    async purge(tenant, { taskIds, agentId = "", failedBeforeMs = Number.POSITIVE_INFINITY }) {
      let total = 0;
      if (taskIds) {
        const left = [...new Set(taskIds)];
        while (left.length > 0) {
          const { purgedCount, doneCount } = await db.write((op) => {
            const ids = left.slice(0, BATCH_COUNT);
            const rows = ids.map((taskId) => op.sql.findTask.get(tenant, taskId));
            return purge(op, rows, failedBeforeMs);
          });
          total += purgedCount;
          left.splice(0, doneCount);
        }
        return total;
      }
      for (let before = Number.MAX_SAFE_INTEGER, isLeft = true; isLeft; ) {
        total += await db.write((op) => {
          const letters = op.sql.deadLetters.all(tenant, before, agentId, "", BATCH_COUNT);
          const rows = letters.map(({ id }) => op.sql.taskById.get(id));
          const { purgedCount, doneCount } = purge(op, rows, failedBeforeMs);
          before = letters[doneCount - 1]?.ended_order ?? before;
          isLeft = doneCount < letters.length || letters.length === BATCH_COUNT;
          return purgedCount;
        });
      }
      return total;
    },
  };
}

function show(sql: Reading["sql"], rows: readonly DeadLetterRow[], page: PageRequest): Page<Task> {
  const room = pageRoom();
  const items: Task[] = [];
  let lastOrder = 0;
  for (const { id, ended_order } of rows) {
    const row = items.length < page.size ? sql.taskById.get(id) : undefined;
    if (!row || !room.take(row.task.length)) {
      return { items, nextToken: writeToken(`${lastOrder}`) };
    }
    items.push(entryOf(row).task);
    lastOrder = ended_order;
  }
  return { items, nextToken: "" };
}

/** Of the first ones, as many as there is room for. */
function purge(
  op: Operation,
  rows: readonly (TaskRow | undefined)[],
  failedBeforeMs: number,
): { purgedCount: number; doneCount: number } {
  const room = logRoom();
  let [purgedCount, doneCount] = [0, 0];
  for (const row of rows) {
    if (row?.state === TaskState.FAILED && (row.ended_at ?? 0) < failedBeforeMs) {
      if (!forget(op, entryOf(row), room)) break;
      purgedCount++;
    }
    doneCount++;
  }
  return { purgedCount, doneCount };
}

function redrive(op: Operation, ref: TaskRef): boolean {
  const entry = findTask(op, ref);
  if (entry?.task.state !== TaskState.FAILED) return false;
  const { task } = entry;
  const change = { previous: task.state, state: TaskState.QUEUED };
  const lastSequence = write(op, entry, [stateChange(op.now, change)]);
  noteChange(op, entry, TaskState.QUEUED);
  entry.deadlineAtMs = null;
  entry.cancelMode = CancelMode.UNSPECIFIED;
  entry.cancelReason = "";
  entry.lastFinish = undefined;
  update(op, entry, {
    ...task,
    state: TaskState.QUEUED,
    lastSequence,
    deadline: undefined,
    error: undefined,
    finishedAt: undefined,
    cancelRequestedAt: undefined,
    consumedAttempts: 0,
    redriveCount: task.redriveCount + 1,
  });
  return true;
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += BATCH_COUNT) {
    yield items.slice(from, from + BATCH_COUNT);
  }
}
