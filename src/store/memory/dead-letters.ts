/** Dead letters: FAILED tasks, until they are redriven, purged or past retention. */
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { DeadLetterStore } from "../contract.ts";
import { stateChange } from "../messages.ts";
import { pageByOrder } from "./paging.ts";
import { begin, effectsOf, type MemoryState, type Operation, type TaskEntry } from "./state.ts";
import { forget, noteChange, update, write } from "./transitions.ts";

export function createDeadLetters(state: MemoryState): DeadLetterStore {
  const find = (tenant: string, taskId: string): TaskEntry | undefined => {
    const entry = state.tenants.get(tenant)?.tasks.get(taskId);
    return entry?.task.state === TaskState.FAILED ? entry : undefined;
  };
  const all = (tenant: string): TaskEntry[] => {
    return [...(state.tenants.get(tenant)?.deadLetters.backward() ?? [])];
  };
  return {
    async list(tenant, { agentId, reason }, page) {
      const items = all(tenant).filter(({ task }) => {
        if (agentId && task.agentId !== agentId) return false;
        return !reason || task.error?.reason === reason;
      });
      const order = ({ endedOrder }: TaskEntry): number => endedOrder;
      const shown = pageByOrder(
        items,
        page,
        order,
        () => true,
        ({ task }) => task,
      );
      return { ...shown, totalCount: items.length };
    },

    async redrive(tenant, taskIds) {
      const op = begin(state);
      const redriven: string[] = [];
      const skipped: string[] = [];
      for (const taskId of new Set(taskIds)) {
        const entry = find(tenant, taskId);
        if (entry) redriveEntry(op, entry);
        (entry ? redriven : skipped).push(taskId);
      }
      return { redriven, skipped, effects: effectsOf(op) };
    },

    async purge(tenant, { taskIds, agentId, failedBeforeMs = Number.POSITIVE_INFINITY }) {
      const entries = taskIds
        ? [...new Set(taskIds)].map((taskId) => find(tenant, taskId))
        : all(tenant).filter(({ task, endedAtMs }) => {
            return (!agentId || task.agentId === agentId) && endedAtMs < failedBeforeMs;
          });
      let purgedCount = 0;
      for (const entry of entries) {
        if (!entry) continue;
        forget(state, entry);
        purgedCount++;
      }
      return purgedCount;
    },
  };
}

function redriveEntry(op: Operation, entry: TaskEntry): void {
  const { task } = entry;
  const change = { previous: task.state, state: TaskState.QUEUED };
  const lastSequence = write(op, entry, [stateChange(op.now, change)]);
  noteChange(op, entry, TaskState.QUEUED);
  entry.deadlineAtMs = undefined;
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
}
