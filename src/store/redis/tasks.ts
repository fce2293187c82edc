/** The write side of the Redis store. */

import { bytes, list, number, text } from "../../redis/reply.ts";
import type { SweepOptions, TaskStore } from "../contract.ts";
import { MAX_PAGE_BYTES } from "../page-bytes.ts";
import { accept } from "./accept.ts";
import { append, claim, DEADLINE_CHANGE, finish, renew } from "./attempts.ts";
import { cancel } from "./cancel.ts";
import { readBells, readEffects } from "./effects.ts";
import { encodePart, taskName, taskRefOf } from "./keys.ts";
import { readRecord, readShown } from "./records.ts";
import type { Redis } from "./store.ts";

export function createTasks(redis: Redis): TaskStore {
  return {
    create: (submission) => accept(redis, submission),

    async markPublished(refs) {
      if (refs.length > 0) await redis.send("zrem", ":unpublished", refs.map(taskName));
    },

    claim: (request) => claim(redis, request),
    renew: (leases, leaseMs) => renew(redis, leases, leaseMs),
    append: (lease, afterSequence, events) => append(redis, lease, afterSequence, events),
    finish: (lease, request) => finish(redis, lease, request),
    requestCancel: (request) => cancel(redis, request),

    async expired(limit) {
      return list(await redis.run("expired", [limit, MAX_PAGE_BYTES])).map((reply) => {
        const [task, fields, stored, headers, endedAt] = list(reply);
        const shown = readShown(fields);
        const holding = { leaseExpiresAtMs: number(endedAt), published: true };
        const record = readRecord(shown, bytes(stored), bytes(headers), holding);
        const { attempt } = shown.task;
        return { lease: { ...taskRefOf(text(task)), fence: record.fence, attempt }, record };
      });
    },

    async sweep(options) {
      const reply = list(await redis.run("sweep", sweepArguments(options)));
      const [count, now, due, notices, bells] = reply;
      return { sweptCount: number(count), effects: readEffects({ now, due, notices, bells }) };
    },

    async ready(queue, afterTaskId, limit) {
      // A space ends the task id in the index and sorts before all that ids hold.
      const from = afterTaskId === "" ? "-" : `(${encodePart(afterTaskId)} \u{10ffff}`;
      const [now, bells] = list(await redis.run("ready", [queue, from, limit]));
      return readBells(now, bells);
    },
  };
}

function sweepArguments(options: SweepOptions) {
  return [
    options.limit,
    options.unpublishedAfterMs,
    options.logRetentionMs,
    options.taskRetentionMs,
    options.deadLetterRetentionMs,
    DEADLINE_CHANGE,
    options.sessionRetentionMs,
  ];
}
