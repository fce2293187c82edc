/** Engines with one part broken, each as a wrapper around an adapter. The simulation must find them all. */
import type { LogEntry, Notice } from "../../gen/agentlane/store/v1/record_pb.js";
import { type Task, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { isKind } from "../../src/errors.ts";
import type { MessageQueue } from "../../src/queue/contract.ts";
import type { Effects, Lease, Store, TaskLog, TaskStore } from "../../src/store/contract.ts";
import { isTerminal } from "../../src/tasks/task-state.ts";
import { type Mutation, TENANTS } from "./world.ts";

export interface Mutant {
  readonly name: string;
  /** Invariants of the guide, one of which must be reported. */
  readonly breaks: readonly number[];
  readonly make: () => Mutation;
  /** Reconcile would repair it: runs are without it, and without faults that need it. */
  readonly withoutReconcile?: boolean;
}

const NOTHING: Effects = { doorbells: [], notices: [] };

const withoutLimits = (store: Store): Store =>
  withTasks(store, ({ create }) => ({ create: ({ quota: _, ...rest }) => create(rest) }));

export const MUTANTS: readonly Mutant[] = [
  { name: "fence check removed", breaks: [5], make: () => ({ store: withoutFences }) },
  {
    name: "ack before claim",
    breaks: [1],
    make: () => ({ queue: ackingEarly }),
    withoutReconcile: true,
  },
  {
    name: "idempotency skipped",
    breaks: [9],
    make: () => ({
      store: (store) =>
        withTasks(store, ({ create }) => ({
          create: (submission) => create({ ...submission, idempotencyMs: 0 }),
        })),
    }),
  },
  {
    name: "lane promotion made non-atomic",
    breaks: [1],
    make: () => ({ store: promotingInTwoSteps }),
    withoutReconcile: true,
  },
  {
    name: "claim is no compare-and-set",
    breaks: [4, 5],
    make: () => ({ store: claimingTwice }),
  },
  { name: "a tenant's limits ignored", breaks: [14], make: () => ({ store: withoutLimits }) },
  { name: "terminal state overwritten", breaks: [2], make: () => ({ store: overwriting }) },
  { name: "session committed twice", breaks: [12], make: () => ({ store: committingTwice }) },
  { name: "sequence restarts per attempt", breaks: [8], make: () => ({ store: restarting }) },
  { name: "drain consumes an attempt", breaks: [7], make: () => ({ store: chargingForDrains }) },
  {
    name: "cancel ignored after claim",
    breaks: [10],
    make: () => ({ store: ignoringLateCancels }),
  },
  {
    name: "dedupe of append repeat removed",
    breaks: [8],
    make: () => ({ store: appendingAgain }),
  },
  { name: "live leases expire", breaks: [4], make: () => ({ store: expiringLiveLeases }) },
  {
    name: "renewal not recorded",
    breaks: [4],
    make: () => ({
      store: (store) =>
        withTasks(store, () => ({ renew: async (leases) => leases.map(() => ({ valid: true })) })),
    }),
  },
  {
    name: "backoff out of bounds",
    breaks: [13],
    make: () => ({
      store: (store) =>
        withTasks(store, ({ finish }) => ({
          finish(lease, request) {
            const { ending } = request;
            if (ending.state !== TaskState.RETRY_WAIT) return finish(lease, request);
            const late = { ...ending, delayMs: ending.delayMs * 10 };
            return finish(lease, { ...request, ending: late });
          },
        })),
    }),
  },
  {
    name: "redrive leaves the dead letter",
    breaks: [11],
    make: () => ({ store: keepingDeadLetters }),
  },
  { name: "tenants see each other", breaks: [15], make: () => ({ store: withoutTenants }) },
  {
    name: "retention takes young tasks",
    breaks: [3],
    make: () => ({
      store: (store) =>
        withTasks(store, ({ sweep }) => ({
          sweep: (options) => sweep({ ...options, taskRetentionMs: 100 }),
        })),
    }),
  },
  {
    name: "queue without a limit",
    breaks: [14],
    make: () => ({
      store: (store) =>
        withTasks(store, ({ create }) => ({
          create: (submission) => create({ ...submission, maxQueueSize: 1000 }),
        })),
    }),
  },
  {
    name: "warm instances are never checked",
    breaks: [17],
    make: () => ({ store: withOneEtag }),
  },
  {
    name: "subscriptions stay open",
    breaks: [18],
    make: () => ({
      bus: (bus) => ({
        ...bus,
        subscribe: async (topic, listener) => {
          await bus.subscribe(topic, listener);
          return { close: () => undefined };
        },
      }),
    }),
  },
];

function withTasks(store: Store, change: (tasks: TaskStore) => Partial<TaskStore>): Store {
  return { ...store, tasks: { ...store.tasks, ...change(store.tasks) } };
}

function withLog(store: Store, change: (log: TaskLog) => Partial<TaskLog>): Store {
  return { ...store, log: { ...store.log, ...change(store.log) } };
}

/** Every write goes through, with the rights of whoever holds the task now. */
function withoutFences(store: Store): Store {
  const newest = new Map<string, Lease>();
  const endOf = async (lease: Lease): Promise<number> => {
    return (await store.log.get(lease).catch(() => undefined))?.lastSequence ?? 0;
  };
  return withTasks(store, (tasks) => ({
    async claim(request) {
      const answer = await tasks.claim(request);
      if (answer.claim) newest.set(request.ref.taskId, answer.claim.lease);
      return answer;
    },
    async append(lease, afterSequence, events) {
      const current = newest.get(lease.taskId) ?? lease;
      const isStale = current.fence !== lease.fence;
      return tasks.append(current, isStale ? await endOf(lease) : afterSequence, events);
    },
    async finish(lease, request) {
      const current = newest.get(lease.taskId) ?? lease;
      if (current.fence === lease.fence) return tasks.finish(lease, request);
      const { session: _, ...rest } = request;
      return tasks.finish(current, { ...rest, afterSequence: await endOf(lease) });
    },
  }));
}

function ackingEarly(queue: MessageQueue): MessageQueue {
  return {
    ...queue,
    async consume(options) {
      const consumer = await queue.consume(options);
      return {
        ...consumer,
        async receive(signal) {
          const delivery = await consumer.receive(signal);
          await delivery?.ack();
          return delivery;
        },
      };
    },
  };
}

/** The next task is taken for published before anybody has rung for it. */
function promotingInTwoSteps(store: Store): Store {
  return withTasks(store, ({ finish, markPublished }) => ({
    async finish(lease, request) {
      const answer = await finish(lease, request);
      await markPublished(answer.effects.doorbells);
      return answer;
    },
  }));
}

function claimingTwice(store: Store): Store {
  const claims = new Map<string, Awaited<ReturnType<TaskStore["claim"]>>>();
  return withTasks(store, (tasks) => ({
    async claim(request) {
      const answer = await tasks.claim(request);
      const { taskId } = request.ref;
      if (answer.claim) claims.set(taskId, answer);
      const task = await store.log.get(request.ref).catch(() => undefined);
      const isRunning = task?.state === TaskState.RUNNING;
      return answer.claim || !isRunning ? answer : (claims.get(taskId) ?? answer);
    },
  }));
}

/** Who comes late decides all the same. */
function overwriting(store: Store): Store {
  const overwritten = new Map<string, Task>();
  const shown = (task: Task): Task => overwritten.get(task.taskId) ?? task;
  const mutant = withTasks(store, (tasks) => ({
    async finish(lease, request) {
      try {
        return await tasks.finish(lease, request);
      } catch (error) {
        const task = await store.log.get(lease).catch(() => undefined);
        if (!isKind(error, "lease_lost") || !task || !isTerminal(task.state)) throw error;
        overwritten.set(task.taskId, { ...task, state: request.ending.state });
        throw error;
      }
    },
  }));
  return withLog(mutant, (log) => ({
    get: async (ref) => shown(await log.get(ref)),
    async list(tenant, filter, page) {
      const answer = await log.list(tenant, filter, page);
      return { ...answer, items: answer.items.map(shown) };
    },
  }));
}

/** A repeated finish commits its turn again. */
function committingTwice(store: Store): Store {
  const finished = new Set<string>();
  return withTasks(store, ({ finish }) => ({
    async finish(lease, request) {
      const { session } = request;
      const id = `${lease.taskId} ${lease.fence}`;
      const answer = await finish(lease, request);
      if (session && finished.has(id)) {
        const { tenant } = lease;
        const again = { ...session, version: session.version + 1n };
        await store.sessions.import({ tenant, ...session }, again, true).catch(() => undefined);
      }
      finished.add(id);
      return answer;
    },
  }));
}

/** As a bus or log does that counts per attempt. */
function restarting(store: Store): Store {
  const starts = new Map<string, number>();
  const renumber = (taskId: string, entry: LogEntry): LogEntry => {
    const { attempt, sequence, event } = entry;
    const key = `${taskId} ${attempt}`;
    if (attempt < 2) return entry;
    const { kind } = event ?? {};
    if (kind?.case === "stateChange" && kind.value.state === TaskState.RUNNING) {
      starts.set(key, sequence);
    }
    return { ...entry, sequence: sequence - (starts.get(key) ?? sequence) + 1 };
  };
  const change = (notice: Notice): Notice => {
    if (notice.kind.case !== "entries") return notice;
    const { value } = notice.kind;
    const entries = value.entries.map((entry) => renumber(notice.taskId, entry));
    return { ...notice, kind: { case: "entries", value: { ...value, entries } } };
  };
  const renumbered = <T extends { effects: Effects }>(answer: T): T => {
    const { effects } = answer;
    return { ...answer, effects: { ...effects, notices: effects.notices.map(change) } };
  };
  return withTasks(store, (tasks) => ({
    claim: async (request) => renumbered(await tasks.claim(request)),
    append: async (lease, after, events) => renumbered(await tasks.append(lease, after, events)),
    finish: async (lease, request) => renumbered(await tasks.finish(lease, request)),
  }));
}

function chargingForDrains(store: Store): Store {
  return withTasks(store, ({ finish }) => ({
    finish(lease, request) {
      const { ending } = request;
      if (ending.state !== TaskState.QUEUED) return finish(lease, request);
      const failed = { state: TaskState.RETRY_WAIT as const, error: ending.error, delayMs: 0 };
      return finish(lease, { ...request, ending: failed });
    },
  }));
}

function ignoringLateCancels(store: Store): Store {
  return withTasks(store, ({ requestCancel }) => ({
    async requestCancel(request) {
      const { target, tenant } = request;
      if ("idempotencyKey" in target) return requestCancel(request);
      const task = await store.log.get({ tenant, ...target });
      if (task.state !== TaskState.RUNNING) return requestCancel(request);
      return { task, effects: NOTHING };
    },
  }));
}

function appendingAgain(store: Store): Store {
  return withTasks(store, ({ append }) => ({
    async append(lease, afterSequence, events) {
      const task = await store.log.get(lease).catch(() => undefined);
      return append(lease, task?.lastSequence ?? afterSequence, events);
    },
  }));
}

function expiringLiveLeases(store: Store): Store {
  const held = new Map<string, Awaited<ReturnType<TaskStore["claim"]>>["claim"]>();
  return withTasks(store, (tasks) => ({
    async claim(request) {
      const answer = await tasks.claim(request);
      if (answer.claim) held.set(request.ref.taskId, answer.claim);
      return answer;
    },
    expired: async () => [...held.values()].filter((claim) => claim !== undefined),
    async finish(lease, request) {
      if (!request.ifExpired) return tasks.finish(lease, request);
      held.delete(lease.taskId);
      const task = await store.log.get(lease).catch(() => undefined);
      const afterSequence = task?.lastSequence ?? 0;
      return tasks.finish(lease, { ...request, ifExpired: false, afterSequence });
    },
  }));
}

function keepingDeadLetters(store: Store): Store {
  const kept: { tenant: string; task: Task }[] = [];
  const { deadLetters } = store;
  return {
    ...store,
    deadLetters: {
      ...deadLetters,
      async redrive(tenant, taskIds) {
        const before = await deadLetters.list(tenant, {}, { size: 1000, token: "" });
        const answer = await deadLetters.redrive(tenant, taskIds);
        for (const task of before.items) {
          if (answer.redriven.includes(task.taskId)) kept.push({ tenant, task });
        }
        return answer;
      },
      async list(tenant, filter, page) {
        const answer = await deadLetters.list(tenant, filter, page);
        const own = kept.filter((each) => each.tenant === tenant).map(({ task }) => task);
        return { ...answer, items: [...answer.items, ...own] };
      },
    },
  };
}

function withoutTenants(store: Store): Store {
  return withLog(store, (log) => ({
    async get(ref) {
      for (const tenant of TENANTS) {
        const task = await log.get({ ...ref, tenant }).catch(() => undefined);
        if (task) return task;
      }
      return log.get(ref);
    },
  }));
}

function withOneEtag(store: Store): Store {
  const sessionEtag = "same";
  const mutant = withTasks(store, ({ claim, finish }) => ({
    async claim(request) {
      const answer = await claim(request);
      const { claim: taken } = answer;
      return taken?.sessionEtag ? { ...answer, claim: { ...taken, sessionEtag } } : answer;
    },
    finish: async (lease, request) => ({ ...(await finish(lease, request)), sessionEtag }),
  }));
  const { sessions } = store;
  return {
    ...mutant,
    sessions: {
      ...sessions,
      async load(ref) {
        const stored = await sessions.load(ref);
        return stored && { ...stored, etag: sessionEtag };
      },
    },
  };
}
