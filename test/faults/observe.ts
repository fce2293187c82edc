/** What a run has left, as every gateway shows it. */
import { createHash } from "node:crypto";
import { setTimeout as after } from "node:timers/promises";
import { toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  GetQueueStatsResponseSchema,
  type QueueStats,
} from "../../gen/agentlane/v1/operations_service_pb.js";
import { type ExecutionContext, InstanceSchema } from "../../gen/agentlane/v1/session_pb.js";
import { type Task, TaskSchema } from "../../gen/agentlane/v1/task_pb.js";
import { beforeRepeat, type Caller, untilAnswered } from "./calls.ts";
import type { Clients } from "./cluster.ts";
import { type Entry, logDigest, type Watched } from "./ledger.ts";

/** How one gateway tells the story. */
export interface View {
  readonly gateway: string;
  readonly tasks: readonly Task[];
  readonly deadLetters: readonly Task[];
  readonly stats: readonly QueueStats[];
  /** Equal for equal views; by what is compared. */
  readonly digests: Readonly<Record<string, string>>;
}

export interface SessionView {
  readonly context?: ExecutionContext | undefined;
  readonly unfinishedTaskIds: readonly string[];
}

export interface Reader {
  /** Undefined when there was no answer; that, or another failure, is a problem of the run. */
  read<T>(
    what: string,
    boundMs: number,
    work: (caller: Caller) => Promise<T>,
  ): Promise<T | undefined>;
}

/** After the first read without an answer it reads nothing more: the others would have none either. */
export function readerOf(caller: Caller): Reader {
  const givenUp = new AbortController();
  return {
    async read(what, boundMs, work) {
      if (givenUp.signal.aborted) return undefined;
      const bound = AbortSignal.timeout(boundMs);
      const signal = AbortSignal.any([caller.signal, givenUp.signal, bound]);
      try {
        return await work({ ...caller, signal });
      } catch (error) {
        caller.signal.throwIfAborted();
        const { problems, lastRepeat } = caller.ledger;
        const why = bound.aborted ? `no answer but "${lastRepeat}" for ${boundMs} ms` : `${error}`;
        if (!givenUp.signal.aborted) problems.push(`${what} could not be read: ${why}`);
        givenUp.abort();
        return undefined;
      }
    },
  };
}

/** How long it took until nothing was unfinished; undefined = it never happened. */
export async function settle(caller: Caller, boundMs: number): Promise<number | undefined> {
  const startedAt = performance.now();
  const bound = AbortSignal.timeout(boundMs);
  const signal = AbortSignal.any([caller.signal, bound]);
  while (!bound.aborted) {
    caller.signal.throwIfAborted();
    try {
      const gateways = await caller.cluster.gateways(signal);
      const unfinished = await Promise.all(gateways.map((each) => unfinishedCount(each, signal)));
      if (unfinished.every((count) => count === 0)) return performance.now() - startedAt;
    } catch (error) {
      await beforeRepeat({ ...caller, signal }, error).catch(() => undefined);
    }
    await after(200);
  }
  return undefined;
}

async function unfinishedCount({ operations }: Clients, signal: AbortSignal): Promise<number> {
  const status = await operations.getTaskManagerStatus({}, { signal });
  return status.runningTasks + status.queuedTasks + status.waitingTasks;
}

/** All gateways' views; read again while they differ, because workers report with a delay. */
export async function viewsOf(caller: Caller, boundMs: number): Promise<View[]> {
  const startedAt = performance.now();
  for (;;) {
    const gateways = await caller.cluster.gateways(caller.signal);
    const views = await Promise.all(gateways.map((clients) => viewOf(caller, clients)));
    const isSame = views.every((view) => {
      return Object.entries(view.digests).every(([name, digest]) => {
        return views[0]?.digests[name] === digest;
      });
    });
    if (isSame || performance.now() - startedAt > boundMs) return views;
    await after(500);
  }
}

async function viewOf(caller: Caller, clients: Clients): Promise<View> {
  const { address, tasks, operations, sessions } = clients;
  const pageSize = 500;
  const { signal } = caller;
  const allTasks = await allOf(caller, async (pageToken) => {
    const page = await tasks.listTasks({ pageSize, pageToken }, { signal });
    return { items: page.tasks, next: page.nextPageToken };
  });
  const deadLetters = await allOf(caller, async (pageToken) => {
    const page = await tasks.listDeadLetters({ pageSize, pageToken }, { signal });
    return { items: page.tasks, next: page.nextPageToken };
  });
  const instances = await allOf(caller, async (pageToken) => {
    const page = await sessions.listInstances({ pageSize, pageToken }, { signal });
    return { items: page.instances, next: page.nextPageToken };
  });
  const stats = await operations.getQueueStats({}, { signal });
  return {
    gateway: address,
    tasks: allTasks,
    deadLetters,
    stats: stats.queues,
    digests: {
      ListTasks: digestOf(allTasks.map((task) => toBinary(TaskSchema, task))),
      ListDeadLetters: digestOf(deadLetters.map((task) => toBinary(TaskSchema, task))),
      ListInstances: digestOf(instances.map((each) => toBinary(InstanceSchema, each))),
      GetQueueStats: digestOf([toBinary(GetQueueStatsResponseSchema, stats)]),
    },
  };
}

/** All pages; one that a busy server could not answer is asked for again. */
async function allOf<T>(
  caller: Caller,
  read: (token: string) => Promise<{ items: readonly T[]; next: string }>,
): Promise<T[]> {
  const all: T[] = [];
  let token = "";
  let isLast = false;
  do {
    const page = await read(token).catch((error: unknown) => beforeRepeat(caller, error));
    if (!page) continue;
    all.push(...page.items);
    token = page.next;
    isLast = token === "";
  } while (!isLast);
  return all;
}

function digestOf(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha1");
  for (const part of parts) hash.update(part).update("\n");
  return hash.digest("base64");
}

/** A task's whole log, from any gateway. */
export async function readLog(
  caller: Caller,
  taskId: string,
): Promise<Watched & { entries: Entry[] }> {
  return untilAnswered(caller, async ({ tasks }, options) => {
    const entries: Entry[] = [];
    const digest = logDigest();
    for await (const entry of tasks.watchTask({ taskId }, options)) {
      digest.add(entry);
      entries.push(entry);
    }
    return { entries, count: entries.length, digest: digest.end() };
  });
}

/** Without a context when no turn was committed. */
export async function readSession(caller: Caller, sessionId: string): Promise<SessionView> {
  const name = { agentId: "echo", sessionId };
  return untilAnswered(caller, async ({ sessions }, options) => {
    try {
      return await sessions.getSession(name, options);
    } catch (error) {
      if (ConnectError.from(error).code !== Code.NotFound) throw error;
      return { context: undefined, unfinishedTaskIds: [] };
    }
  });
}

/** Counts that are zero when nothing is unfinished; waits for doorbells nobody needs any more. */
export async function leftovers(
  { cluster: { backend } }: Caller,
  boundMs: number,
): Promise<ReadonlyMap<string, number>> {
  const startedAt = performance.now();
  for (;;) {
    const counts = await backend.leftovers();
    const isEmpty = [...counts.values()].every((count) => count === 0);
    if (isEmpty || performance.now() - startedAt > boundMs) return counts;
    await after(200);
  }
}

/** So many at once, in order of the items. */
export async function inParallel<T, R>(
  items: readonly T[],
  count: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: count }, lane));
  return results;
}
