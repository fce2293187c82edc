/** The read side of the PostgreSQL store. */
import type { TaskLog } from "../contract.ts";
import { MAX_PAGE_BYTES } from "../page-bytes.ts";
import { keyNotFound, taskNotFound } from "../refusals.ts";
import { readEntry } from "./entries.ts";
import { readText, writeText } from "./names.ts";
import { pageOf, STEP_COUNT } from "./paging.ts";
import { readTask, writeMetadata } from "./records.ts";
import { Fields } from "./reply.ts";
import type { Postgres } from "./store.ts";

/** RETRY_WAIT; the states after it are terminal. */
const LAST_UNFINISHED = 3;

export function createLog(postgres: Postgres): TaskLog {
  return {
    async get(ref) {
      const [answer] = await postgres.query("task", [writeText(ref.tenant), writeText(ref.taskId)]);
      if (answer === undefined) throw taskNotFound(ref.taskId);
      return readTask(new Fields(answer));
    },

    async idOfKey(tenant, idempotencyKey) {
      const names = [writeText(tenant), writeText(idempotencyKey)];
      const [taskId] = await postgres.query("taskOfKey", names);
      if (taskId === undefined) throw keyNotFound();
      return readText(String(taskId));
    },

    list(tenant, { agentId, sessionId, states = [], metadata = {} }, page) {
      const query = agentId && sessionId ? "listSession" : "list";
      return pageOf(page, async (before, count) => {
        const [answer] = await postgres.query(query, [
          ...[writeText(tenant), before, STEP_COUNT, count],
          agentId ? writeText(agentId) : null,
          sessionId ? writeText(sessionId) : null,
          states.length === 0 ? null : states.map(String),
          writeMetadata(metadata),
          MAX_PAGE_BYTES,
        ]);
        const found = new Fields(answer);
        const items = found.list("tasks").map((each) => {
          const row = new Fields(each);
          return { order: row.number("id"), item: readTask(row) };
        });
        return {
          items,
          foundCount: found.number("found"),
          lookedAtCount: found.number("looked"),
          lastOrder: found.number("last"),
        };
      });
    },

    async read(ref, afterSequence, limit) {
      const [answer] = await postgres.query("log", [
        ...[writeText(ref.tenant), writeText(ref.taskId)],
        ...[afterSequence, limit, MAX_PAGE_BYTES],
      ]);
      if (answer === undefined) throw taskNotFound(ref.taskId);
      const page = new Fields(answer);
      return {
        entries: page.list("entries").map(readEntry),
        firstSequence: page.number("first"),
        lastSequence: page.number("last"),
        terminal: page.number("state") > LAST_UNFINISHED,
      };
    },

    async figures(queue) {
      const [answer] = await postgres.query("figures", [writeText(queue)]);
      const counts = new Fields(answer);
      const [readyCount, retryWaitCount] = [counts.number("ready"), counts.number("retry_wait")];
      return {
        readyCount,
        waitingCount: counts.number("queued") - readyCount + retryWaitCount,
        retryWaitCount,
        runningCount: counts.number("running"),
        deadLetterCount: counts.number("dead"),
        completedCount: counts.number("completed"),
        failedCount: counts.number("failed"),
        attemptCount: counts.number("attempts"),
        attemptTotalMs: counts.number("attempt_ms"),
      };
    },

    async queues() {
      return (await postgres.query("queues", [])).map((name) => readText(String(name))).sort();
    },
  };
}
