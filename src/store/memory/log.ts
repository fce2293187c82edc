/** The read side of the memory store. */
import type { Task } from "../../../gen/agentlane/v1/task_pb.js";
import type { QueueFigures, TaskFilter, TaskLog } from "../contract.ts";
import { messageBytes, pageRoom } from "../page-bytes.ts";
import { entryOfKey } from "./cancel.ts";
import { pageByOrder } from "./paging.ts";
import { findSession, type MemoryState, requireTask, type TaskEntry } from "./state.ts";
import { isTerminal } from "./transitions.ts";

export function createLog(state: MemoryState): TaskLog {
  return {
    async get(ref) {
      return requireTask(state, ref).task;
    },

    async idOfKey(tenant, idempotencyKey) {
      return entryOfKey(state, tenant, idempotencyKey, state.clock.now()).task.taskId;
    },

    async list(tenant, filter, page) {
      return pageByOrder(
        candidates(state, tenant, filter),
        page,
        ({ order }) => order,
        ({ task }) => matches(task, filter),
        ({ task }) => task,
      );
    },

    async read(ref, afterSequence, limit) {
      const { log, firstSequence, task } = requireTask(state, ref);
      const from = Math.max(0, afterSequence + 1 - firstSequence);
      const room = pageRoom();
      const asked = log.slice(from, from + limit);
      const end = asked.findIndex((entry) => !room.take(messageBytes(entry)));
      return {
        entries: end < 0 ? asked : asked.slice(0, end),
        firstSequence,
        lastSequence: task.lastSequence,
        terminal: isTerminal(task.state),
      };
    },

    async figures(queue) {
      const table = state.queues.get(queue);
      if (!table) return NO_FIGURES;
      const { name: _, ready, queuedCount, ...counts } = table;
      const waitingCount = queuedCount - ready.size + counts.retryWaitCount;
      return { readyCount: ready.size, waitingCount, ...counts };
    },

    async queues() {
      return [...state.queues.keys()].sort();
    },
  };
}

const NO_FIGURES: QueueFigures = {
  readyCount: 0,
  waitingCount: 0,
  retryWaitCount: 0,
  runningCount: 0,
  deadLetterCount: 0,
  completedCount: 0,
  failedCount: 0,
  attemptCount: 0,
  attemptTotalMs: 0,
};

function candidates(state: MemoryState, tenant: string, filter: TaskFilter): Iterable<TaskEntry> {
  const { agentId, sessionId } = filter;
  if (agentId && sessionId) {
    return findSession(state, { tenant, agentId, sessionId })?.tasks.backward() ?? [];
  }
  return state.tenants.get(tenant)?.accepted.backward() ?? [];
}

function matches(task: Task, filter: TaskFilter): boolean {
  if (filter.agentId && task.agentId !== filter.agentId) return false;
  if (filter.sessionId && task.sessionId !== filter.sessionId) return false;
  if (filter.states && filter.states.length > 0 && !filter.states.includes(task.state)) {
    return false;
  }
  return Object.entries(filter.metadata ?? {}).every(([name, value]) => {
    return Object.hasOwn(task.metadata, name) && task.metadata[name] === value;
  });
}
