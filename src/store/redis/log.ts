/** The read side of the Redis store. */
import type { Task, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { list, number, text } from "../../redis/reply.ts";
import type { Page, PageRequest, TaskFilter, TaskLog, TaskRef } from "../contract.ts";
import { MAX_PAGE_BYTES } from "../page-bytes.ts";
import { keyNotFound, taskNotFound } from "../refusals.ts";
import { readEntries } from "./effects.ts";
import { encodePart, keyName, sessionName, taskName, taskRefOf } from "./keys.ts";
import { type Found, orderBound, pageOf, type Step } from "./paging.ts";
import { readShown } from "./records.ts";
import type { Redis } from "./store.ts";

/** Tasks that one function looks at: a bound on how long it keeps others waiting. */
const STEP_COUNT = 200;
/** RETRY_WAIT; the states after it are terminal. */
const LAST_UNFINISHED = 3;

export function createLog(redis: Redis): TaskLog {
  return {
    async get(ref) {
      const [task] = await tasksOf(redis, [ref]);
      if (!task) throw taskNotFound(ref.taskId);
      return task;
    },

    async idOfKey(tenant, idempotencyKey) {
      const name = await redis.run("taskofkey", [keyName(tenant, idempotencyKey)]);
      if (name === null) throw keyNotFound();
      return taskRefOf(text(name)).taskId;
    },

    list: (tenant, filter, page) => listTasks(redis, tenant, filter, page),

    async read(ref, afterSequence, limit) {
      const reply = await redis.run("log", [taskName(ref), afterSequence, limit, MAX_PAGE_BYTES]);
      if (reply === null) throw taskNotFound(ref.taskId);
      const [state, first, last, entries] = list(reply);
      const firstSequence = number(first);
      return {
        entries: readEntries(entries, Math.max(afterSequence + 1, firstSequence)),
        firstSequence,
        lastSequence: number(last),
        terminal: number(state) > LAST_UNFINISHED,
      };
    },

    async figures(queue) {
      const counts = list(await redis.run("figures", [queue])).map(number);
      const [readyCount = 0, queued = 0, runningCount = 0, retryWaitCount = 0, ...rest] = counts;
      const [deadLetterCount = 0, completedCount = 0, failedCount = 0, ...attempts] = rest;
      const [attemptCount = 0, attemptTotalMs = 0] = attempts;
      return {
        readyCount,
        waitingCount: queued - readyCount + retryWaitCount,
        ...{ retryWaitCount, runningCount, deadLetterCount, completedCount, failedCount },
        ...{ attemptCount, attemptTotalMs },
      };
    },

    async queues() {
      return list(await redis.send("smembers", ":queues", []))
        .map(text)
        .sort();
    },
  };
}

/** Undefined for those that are unknown; as many as fit into a page, the first of them at least. */
export async function tasksOf(
  redis: Redis,
  refs: readonly TaskRef[],
): Promise<(Task | undefined)[]> {
  if (refs.length === 0) return [];
  const replies = list(await redis.run("tasks", [MAX_PAGE_BYTES, ...refs.map(taskName)]));
  return replies.map((reply) => (reply === null ? undefined : readShown(reply).task));
}

function listTasks(
  redis: Redis,
  tenant: string,
  filter: TaskFilter,
  page: PageRequest,
): Promise<Page<Task>> {
  const { agentId = "", sessionId = "", states = [], metadata = {} } = filter;
  const index =
    agentId && sessionId
      ? `:st:${sessionName({ tenant, agentId, sessionId })}`
      : `:a:${encodePart(tenant)}`;
  const wanted = Object.entries(metadata);
  const matches = (task: Task): boolean => {
    return wanted.every(([name, value]) => {
      return Object.hasOwn(task.metadata, name) && task.metadata[name] === value;
    });
  };
  const step = async (before: number, count: number): Promise<Step<Task>> => {
    const [isLast, last, ...found] = list(
      await redis.run("list", [
        index,
        encodePart(tenant),
        orderBound(before),
        STEP_COUNT,
        encodePart(agentId),
        sessionId && `:${encodePart(sessionId)}`,
        statesOf(states),
        wanted.length > 0 ? STEP_COUNT : count,
        MAX_PAGE_BYTES,
      ]),
    );
    const items: Found<Task>[] = [];
    for (let index = 0; index < found.length; index += 3) {
      const { task } = readShown(found[index + 2]);
      if (!matches(task)) continue;
      items.push({ order: number(found[index]), item: task, bytes: number(found[index + 1]) });
    }
    return { items, next: number(isLast) === 1 ? undefined : number(last) };
  };
  return pageOf(page, step);
}

function statesOf(states: readonly TaskState[]): string {
  return states.length === 0 ? "" : `,${states.join(",")},`;
}
