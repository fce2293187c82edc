/** The write side of the memory store. */
import type { TaskStore } from "../contract.ts";
import { accept } from "./accept.ts";
import { append, claim, finish, renew } from "./attempts.ts";
import { cancel } from "./cancel.ts";
import { doorbell, recordOf, refOf } from "./messages.ts";
import { begin, effectsOf, findTask, type MemoryState } from "./state.ts";
import { sweep } from "./sweep.ts";

export function createTasks(state: MemoryState): TaskStore {
  return {
    async create(submission) {
      const op = begin(state);
      return { ...accept(op, submission), effects: effectsOf(op) };
    },

    async markPublished(refs) {
      for (const ref of refs) {
        const entry = findTask(state, ref);
        if (!entry?.unpublishedLink) continue;
        state.unpublished.remove(entry.unpublishedLink);
        entry.unpublishedLink = undefined;
        entry.published = true;
      }
    },

    async claim(request) {
      const op = begin(state);
      return { claim: claim(op, request), effects: effectsOf(op) };
    },

    async renew(leases, leaseMs) {
      const op = begin(state);
      return leases.map((lease) => renew(op, lease, leaseMs));
    },

    async append(lease, afterSequence, events) {
      const op = begin(state);
      return { lastSequence: append(op, lease, afterSequence, events), effects: effectsOf(op) };
    },

    async finish(lease, request) {
      const op = begin(state);
      return { ...finish(op, lease, request), effects: effectsOf(op) };
    },

    async requestCancel(request) {
      const op = begin(state);
      return { task: cancel(op, request).task, effects: effectsOf(op) };
    },

    async expired(limit) {
      return state.leases.allDue(state.clock.now(), limit).map((entry) => {
        const { fence, task } = entry;
        const { request: _, ...record } = recordOf(entry);
        return { lease: { ...refOf(entry), fence, attempt: task.attempt }, record };
      });
    },

    async sweep(options) {
      const op = begin(state);
      return { sweptCount: sweep(op, options), effects: effectsOf(op) };
    },

    async ready(queue, afterTaskId, limit) {
      const { now } = begin(state);
      const rest = [...(state.queues.get(queue)?.ready ?? [])]
        .filter(({ task }) => task.taskId > afterTaskId)
        .sort((a, b) => (a.task.taskId < b.task.taskId ? -1 : 1));
      return rest.slice(0, limit).map((entry) => doorbell(entry, now));
    },
  };
}
