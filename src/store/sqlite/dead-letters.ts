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
import { effectsOf, entryOf, findTask, type Operation, type Reading } from "./state.ts";
import { forget, update, write } from "./transitions.ts";

/** Tasks that one operation changes: a bound on how long it keeps others waiting. */
const BATCH_COUNT = 100;

export function createDeadLetters(db: Database): DeadLetterStore {
  return {
    list: (tenant, { agentId, reason }, page) =>
      db.read(({ sql }) => {
        const all = sql.deadLetters.all(tenant, Number.MAX_SAFE_INTEGER, -1).filter((row) => {
          return (!agentId || row.agent_id === agentId) && (!reason || row.error_reason === reason);
        });
        return { ...show(sql, all, page), totalCount: all.length };
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

    async purge(tenant, { taskIds, agentId, failedBeforeMs = Number.POSITIVE_INFINITY }) {
      const purge = (op: Operation, row: TaskRow | undefined): number => {
        if (row?.state !== TaskState.FAILED || (row.ended_at ?? 0) >= failedBeforeMs) return 0;
        forget(op, entryOf(row));
        return 1;
      };
      if (taskIds) {
        let purgedCount = 0;
        for (const ids of batches([...new Set(taskIds)])) {
          purgedCount += await db.write((op) =>
            sum(ids.map((taskId) => purge(op, op.sql.findTask.get(tenant, taskId)))),
          );
        }
        return purgedCount;
      }
      return walk((before) =>
        db.write((op) => {
          const rows = op.sql.deadLetters.all(tenant, before, BATCH_COUNT);
          const chosen = rows.filter((row) => !agentId || row.agent_id === agentId);
          return { count: sum(chosen.map(({ id }) => purge(op, op.sql.taskById.get(id)))), rows };
        }),
      );
    },
  };
}

function show(sql: Reading["sql"], all: readonly DeadLetterRow[], page: PageRequest): Page<Task> {
  const before = firstBefore(page);
  const rest = all.filter(({ ended_order }) => ended_order < before);
  const room = pageRoom();
  const items: Task[] = [];
  let lastOrder = 0;
  for (const { id, ended_order } of rest) {
    const row = items.length < page.size ? sql.taskById.get(id) : undefined;
    if (!row || !room.take(row.task.length)) {
      return { items, nextToken: writeToken(`${lastOrder}`) };
    }
    items.push(entryOf(row).task);
    lastOrder = ended_order;
  }
  return { items, nextToken: "" };
}

/** Goes through all dead letters, newest first; answers the sum of the counts. */
async function walk(
  step: (before: number) => Promise<{ count: number; rows: readonly DeadLetterRow[] }>,
): Promise<number> {
  let before = Number.MAX_SAFE_INTEGER;
  let total = 0;
  for (;;) {
    const { count, rows } = await step(before);
    total += count;
    const last = rows.at(-1);
    if (!last || rows.length < BATCH_COUNT) return total;
    before = last.ended_order;
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function redrive(op: Operation, ref: TaskRef): boolean {
  const entry = findTask(op, ref);
  if (entry?.task.state !== TaskState.FAILED) return false;
  const { task } = entry;
  const change = { previous: task.state, state: TaskState.QUEUED };
  const lastSequence = write(op, entry, [stateChange(op.now, change)]);
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

function joinEffects(all: readonly Effects[]): Effects {
  return {
    doorbells: all.flatMap(({ doorbells }) => doorbells),
    notices: all.flatMap(({ notices }) => notices),
  };
}
