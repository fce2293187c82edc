/** Dead letters: FAILED tasks, until they are redriven, purged or past retention. */
import type { DeadLetterStore, Effects } from "../contract.ts";
import { MAX_PAGE_BYTES } from "../page-bytes.ts";
import { readOrder, writeToken } from "../page-token.ts";
import { joinEffects, readFreshEffects } from "./effects.ts";
import { readText, writeText } from "./names.ts";
import { readTask } from "./records.ts";
import { Fields } from "./reply.ts";
import type { Postgres } from "./store.ts";

/** Tasks that one statement changes: a bound on how long it keeps their sessions waiting. */
const BATCH_COUNT = 100;
/** What a batch may take; its tasks may have long logs. */
const BATCH_TIMEOUT_MS = 10_000;
/** Names that one query reads. */
const STEP_COUNT = 1000;

export function createDeadLetters(postgres: Postgres): DeadLetterStore {
  const limits = { timeoutMs: BATCH_TIMEOUT_MS };
  return {
    async list(tenant, { agentId, reason }, { size, token }) {
      const before = token === "" ? Number.MAX_SAFE_INTEGER : readOrder(token);
      const [answer] = await postgres.query("dead", [
        writeText(tenant),
        agentId ? writeText(agentId) : null,
        reason ? writeText(reason) : null,
        before,
        size + 1,
        MAX_PAGE_BYTES,
      ]);
      const found = new Fields(answer);
      const letters = found.list("tasks").map((each) => new Fields(each));
      const shown = letters.slice(0, size);
      const last = shown.at(-1);
      return {
        items: shown.flatMap((letter) => {
          const row = letter.fields("task");
          return row ? [readTask(row)] : [];
        }),
        nextToken:
          found.number("found") > shown.length && last ? writeToken(`${last.number("order")}`) : "",
        totalCount: found.number("count"),
      };
    },

    /** In steps: one that fails leaves those before it redriven, and a repeat goes on. */
    async redrive(tenant, taskIds) {
      const done = new Set<string>();
      const effects: Effects[] = [];
      const unique = [...new Set(taskIds)];
      for (const ids of batches(unique, BATCH_COUNT)) {
        const args = [writeText(tenant), ids.map(writeText)];
        const answer = new Fields(await postgres.call("redrive_tasks", args, limits));
        effects.push(readFreshEffects(answer));
        for (const taskId of answer.list("redriven")) done.add(readText(String(taskId)));
      }
      return {
        redriven: unique.filter((taskId) => done.has(taskId)),
        skipped: unique.filter((taskId) => !done.has(taskId)),
        effects: joinEffects(effects),
      };
    },

    async purge(tenant, { taskIds, agentId, failedBeforeMs }) {
      const purge = async (ids: readonly string[]): Promise<number> => {
        let count = 0;
        for (const batch of batches(ids, BATCH_COUNT)) {
          const args = [writeText(tenant), batch.map(writeText), failedBeforeMs ?? null];
          count += Number(await postgres.call("purge_tasks", args, limits));
        }
        return count;
      };
      if (taskIds) return purge([...new Set(taskIds)]);
      let purgedCount = 0;
      for await (const found of walk(postgres, tenant)) {
        const fits = found.filter((letter) => !agentId || letter.agentId === agentId);
        purgedCount += await purge(fits.map(({ taskId }) => taskId));
      }
      return purgedCount;
    },
  };
}

/** Newest first. What fails meanwhile is not seen. */
async function* walk(postgres: Postgres, tenant: string) {
  let before = Number.MAX_SAFE_INTEGER;
  for (;;) {
    const rows = await postgres.query("deadIds", [writeText(tenant), before, STEP_COUNT]);
    const found = rows.map((answer) => {
      const row = new Fields(answer);
      before = row.number("order");
      return { taskId: row.text("task_id"), agentId: row.text("agent_id") };
    });
    if (found.length > 0) yield found;
    if (found.length < STEP_COUNT) return;
  }
}

function* batches<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
