/** The write side of the SQLite store. */
import type { ExpiredLease, TaskStore } from "../contract.ts";
import { messageBytes, pageRoom } from "../page-bytes.ts";
import { accept } from "./accept.ts";
import { append, claim, finish, renew } from "./attempts.ts";
import { cancel } from "./cancel.ts";
import type { Database } from "./database.ts";
import { readDoorbell, recordOf } from "./messages.ts";
import { effectsOf, effectsWithDue, entryOf } from "./state.ts";
import { sweep } from "./sweep.ts";

export function createTasks(db: Database): TaskStore {
  return {
    create: (submission) =>
      db.write((op) => ({ ...accept(op, submission), effects: effectsWithDue(op) })),

    async markPublished(refs) {
      if (refs.length === 0) return;
      await db.writeSoftly(({ sql }) => {
        for (const { tenant, taskId } of refs) sql.markPublished(tenant, taskId);
      });
    },

    claim: (request) => db.write((op) => ({ claim: claim(op, request), effects: effectsOf(op) })),

    renew: (leases, leaseMs) =>
      db.writeSoftly((op) => leases.map((lease) => renew(op, lease, leaseMs))),

    append: (lease, afterSequence, events) =>
      db.write((op) => ({
        lastSequence: append(op, lease, afterSequence, events),
        effects: effectsOf(op),
      })),

    finish: (lease, request) =>
      db.write((op) => ({ ...finish(op, lease, request), effects: effectsWithDue(op) })),

    requestCancel: (request) =>
      db.write((op) => ({ task: cancel(op, request).task, effects: effectsOf(op) })),

    expired: (limit) =>
      db.read((op) => {
        const found: ExpiredLease[] = [];
        const room = pageRoom();
        for (const row of op.sql.expired.iterate(op.nowMs, limit)) {
          const entry = entryOf(row);
          const { request, ...record } = recordOf(op, entry);
          if (!room.take(messageBytes(request))) break;
          const { tenant, taskId, fence, task } = entry;
          const lease = { tenant, taskId, fence: BigInt(fence), attempt: task.attempt };
          found.push({ lease, record });
        }
        return found;
      }),

    sweep: (options) =>
      db.write((op) => ({ sweptCount: sweep(op, options), effects: effectsWithDue(op) })),

    ready: (queue, afterTaskId, limit) =>
      db.read((op) =>
        op.sql.ready.all(queue, afterTaskId, limit).map((row) => {
          const { tenant, agent_id: agentId, session_id: sessionId, doorbell } = row;
          return readDoorbell(op, { tenant, agentId, sessionId }, doorbell);
        }),
      ),
  };
}
