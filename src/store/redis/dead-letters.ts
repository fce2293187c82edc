/** Dead letters: FAILED tasks, until they are redriven, purged or past retention. */

import { list, number, text } from "../../redis/reply.ts";
import type { DeadLetterStore, Effects, PageRequest, TaskRef } from "../contract.ts";
import { readOrder, writeToken } from "../page-token.ts";
import { joinEffects, readEffects } from "./effects.ts";
import { decodePart, encodePart, taskName } from "./keys.ts";
import { tasksOf } from "./log.ts";
import { orderBound } from "./paging.ts";
import type { Redis } from "./store.ts";

/** Names that one command reads. */
const STEP_COUNT = 1000;
/** Tasks that one function changes: a bound on how long it keeps others waiting. */
const BATCH_COUNT = 100;

interface DeadLetter {
  readonly ref: TaskRef;
  readonly agentId: string;
  readonly reason: string;
  readonly order: number;
}

export function createDeadLetters(redis: Redis): DeadLetterStore {
  return {
    async list(tenant, filter, page) {
      const { shown, totalCount, more } = await find(redis, tenant, filter, page);
      const tasks = await tasksOf(
        redis,
        shown.map(({ ref }) => ref),
      );
      const last = shown[tasks.length - 1];
      const isCut = more || tasks.length < shown.length;
      return {
        items: tasks.filter((task) => task !== undefined),
        nextToken: isCut && last ? writeToken(`${last.order}`) : "",
        totalCount,
      };
    },

    /** In steps: one that fails leaves those before it redriven, and a repeat goes on. */
    async redrive(tenant, taskIds) {
      const redriven: string[] = [];
      const skipped: string[] = [];
      const effects: Effects[] = [];
      for (const ids of batches([...new Set(taskIds)], BATCH_COUNT)) {
        const names = ids.map((taskId) => taskName({ tenant, taskId }));
        const [now, notices, bells, ...done] = list(await redis.run("redrive", names));
        effects.push(readEffects({ now, notices, bells }));
        for (const [index, taskId] of ids.entries()) {
          (done[index] === 1 ? redriven : skipped).push(taskId);
        }
      }
      return { redriven, skipped, effects: joinEffects(effects) };
    },

    async purge(tenant, { taskIds, agentId, failedBeforeMs }) {
      const before = failedBeforeMs === undefined ? "" : `${failedBeforeMs}`;
      const purge = async (refs: readonly TaskRef[]): Promise<number> => {
        let count = 0;
        for (const batch of batches(refs, BATCH_COUNT)) {
          count += number(await redis.run("purge", [before, ...batch.map(taskName)]));
        }
        return count;
      };
      if (taskIds) return purge([...new Set(taskIds)].map((taskId) => ({ tenant, taskId })));
      let purgedCount = 0;
      for await (const found of walk(redis, tenant)) {
        const refs = found.filter((letter) => !agentId || letter.agentId === agentId);
        purgedCount += await purge(refs.map(({ ref }) => ref));
      }
      return purgedCount;
    },
  };
}

async function find(
  redis: Redis,
  tenant: string,
  { agentId, reason }: { agentId?: string; reason?: string },
  { size, token }: PageRequest,
) {
  const before = token === "" ? Number.POSITIVE_INFINITY : readOrder(token);
  const shown: DeadLetter[] = [];
  let totalCount = 0;
  let more = false;
  for await (const found of walk(redis, tenant)) {
    for (const letter of found) {
      if ((agentId && letter.agentId !== agentId) || (reason && letter.reason !== reason)) continue;
      totalCount++;
      if (letter.order >= before) continue;
      if (shown.length < size) shown.push(letter);
      else more = true;
    }
  }
  return { shown, totalCount, more };
}

/** Newest first. What fails meanwhile is not seen, what is deleted meanwhile may be. */
async function* walk(redis: Redis, tenant: string): AsyncGenerator<DeadLetter[]> {
  let before = Number.POSITIVE_INFINITY;
  for (;;) {
    const limits = [orderBound(before), "-inf", "WITHSCORES", "LIMIT", 0, STEP_COUNT];
    const reply = list(await redis.send("zrevrangebyscore", `:d:${encodePart(tenant)}`, limits));
    const found: DeadLetter[] = [];
    for (let index = 0; index < reply.length; index += 2) {
      const [taskId = "", agentId = "", reason = ""] = text(reply[index])
        .split(" ")
        .map(decodePart);
      before = number(reply[index + 1]);
      found.push({ ref: { tenant, taskId }, agentId, reason, order: before });
    }
    if (found.length > 0) yield found;
    if (found.length < STEP_COUNT) return;
  }
}

function* batches<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
