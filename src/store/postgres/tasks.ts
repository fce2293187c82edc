/** The write side of the PostgreSQL store. */
import type { Clock } from "../../clock.ts";
import type { SweepOptions, TaskRef, TaskStore } from "../contract.ts";
import { accept } from "./accept.ts";
import { append, claim, DEADLINE_CHANGE, finish, renew } from "./attempts.ts";
import { batched } from "./batch.ts";
import { cancel } from "./cancel.ts";
import { readBell, readFreshEffects } from "./effects.ts";
import { writeText } from "./names.ts";
import { readRecord } from "./records.ts";
import { Fields } from "./reply.ts";
import type { Postgres } from "./store.ts";

/** Doorbells that one statement confirms. */
const MAX_MARKED_COUNT = 1000;
/**
 * A claim confirms its doorbell as well, mostly sooner; what is confirmed late would ring again after
 * seconds only.
 */
const MARK_PAUSE_MS = 50;
/** A sweep may delete much; nobody waits for it. */
const SWEEP_TIMEOUT_MS = 10_000;

export function createTasks(postgres: Postgres, clock: Clock): TaskStore {
  const mark = batched<TaskRef>(
    async (refs) => {
      const tenants = refs.map(({ tenant }) => writeText(tenant));
      await postgres.call("mark_published", [tenants, refs.map(({ taskId }) => writeText(taskId))]);
    },
    MAX_MARKED_COUNT,
    () => clock.sleep(MARK_PAUSE_MS),
  );

  return {
    create: (submission) => accept(postgres, submission),

    async markPublished(refs) {
      if (refs.length > 0) await mark(refs);
    },

    claim: (request) => claim(postgres, request),
    renew: (leases, leaseMs) => renew(postgres, leases, leaseMs),
    append: (lease, afterSequence, events) => append(postgres, lease, afterSequence, events),
    finish: (lease, request) => finish(postgres, lease, request),
    requestCancel: (request) => cancel(postgres, request),

    async expired(limit) {
      return (await postgres.query("expired_leases", [limit])).map((answer) => {
        const row = new Fields(answer);
        const record = readRecord(row, true);
        const ref = { tenant: row.text("tenant"), taskId: row.text("task_id") };
        return { lease: { ...ref, fence: record.fence, attempt: row.number("attempt") }, record };
      });
    },

    async sweep(options) {
      const limits = { timeoutMs: SWEEP_TIMEOUT_MS };
      const answer = new Fields(
        await postgres.call("sweep_store", sweepArguments(options), limits),
      );
      return { sweptCount: answer.number("count"), effects: readFreshEffects(answer) };
    },

    async ready(queue, afterTaskId, limit) {
      const args = [writeText(queue), writeText(afterTaskId), limit];
      return (await postgres.query("ready", args)).flatMap((answer) => {
        const row = new Fields(answer);
        const bell = row.fields("bell");
        return bell ? [readBell(bell, row.number("now"))] : [];
      });
    },
  };
}

function sweepArguments(options: SweepOptions) {
  return [
    options.limit,
    Math.ceil(options.unpublishedAfterMs),
    Math.ceil(options.logRetentionMs),
    Math.ceil(options.taskRetentionMs),
    Math.ceil(options.deadLetterRetentionMs),
    Math.ceil(options.sessionRetentionMs),
    DEADLINE_CHANGE,
  ];
}
