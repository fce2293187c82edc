/**
 * A store that is given content sealed and whose answers are opened (decision 21). It knows no
 * adapter, and adapters know nothing of it. Log entries in effects stay sealed: they go over the bus.
 */
import type { LogEntry, TaskRecord } from "../../gen/agentlane/store/v1/record_pb.js";
import type { Task, TaskEvent } from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../errors.ts";
import type {
  Claim,
  Ending,
  Finish,
  Page,
  SessionStore,
  Store,
  Submission,
  TaskLog,
  TaskRef,
  TaskStore,
} from "../store/contract.ts";
import { messageBytes } from "../store/page-bytes.ts";
import { type Content, isSealedEvent } from "./content.ts";
import { withoutSealed } from "./sealed-field.ts";
import { endedTask, openTask, refOf, showTask } from "./shown-task.ts";

export function encryptStore(store: Store, content: Content): Store {
  const { deadLetters } = store;
  return {
    type: store.type,
    start: () => store.start(),
    stop: () => store.stop(),
    check: () => store.check(),
    tasks: encryptTasks(store.tasks, content),
    log: encryptLog(store.log, content),
    deadLetters: {
      async list(tenant, ...rest) {
        const page = await deadLetters.list(tenant, ...rest);
        return showPage(content, tenant, page);
      },
      redrive: (...args) => deadLetters.redrive(...args),
      purge: (...args) => deadLetters.purge(...args),
    },
    sessions: encryptSessions(store.sessions, content),
    workers: store.workers,
    tenants: store.tenants,
    credentials: store.credentials,
  };
}

function encryptTasks(tasks: TaskStore, content: Content): TaskStore {
  return {
    async create(submission) {
      const { tenant } = submission.record;
      const accepted = await createSealed(tasks, content, submission);
      const { task } = accepted;
      return { ...accepted, task: await showTask(content, refOf(tenant, task), task) };
    },
    markPublished: (refs) => tasks.markPublished(refs),
    async claim(request) {
      const { claim, effects } = await tasks.claim(request);
      return { claim: claim && (await openClaim(content, request.ref, claim)), effects };
    },
    renew: (leases, leaseMs) => tasks.renew(leases, leaseMs),
    async append(lease, afterSequence, events) {
      return tasks.append(
        lease,
        afterSequence,
        await sealAll(content, lease, afterSequence, events),
      );
    },
    async finish(lease, request) {
      const finished = await tasks.finish(lease, await sealFinish(content, lease, request));
      return {
        // As lazy as the store's.
        get task() {
          return endedTask(finished.task, lease.attempt, request.ending);
        },
        get state() {
          return finished.state;
        },
        sessionEtag: finished.sessionEtag,
        effects: finished.effects,
      };
    },
    async requestCancel(request) {
      const { task, effects } = await tasks.requestCancel(request);
      return { task: await showTask(content, refOf(request.tenant, task), task), effects };
    },
    // Nothing of them is shown; who ends a dead attempt has an error of its own.
    expired: (limit) => tasks.expired(limit),
    sweep: (options) => tasks.sweep(options),
    ready: (...args) => tasks.ready(...args),
  };
}

/**
 * A key that is known under another digest may be one of the same request: digested with a key that is
 * no longer the active one, or not yet, or before there was any.
 */
async function createSealed(
  tasks: TaskStore,
  content: Content,
  submission: Submission,
): ReturnType<TaskStore["create"]> {
  const record = await sealRecord(content, submission.record);
  const quota = submission.quota && {
    ...submission.quota,
    bytes: submission.quota.bytes + addedBytes(submission.record, record),
  };
  const [digest = "", ...others] = await content.digests(record.tenant, record.requestDigest);
  const create = (requestDigest: string) =>
    tasks.create({ ...submission, record: { ...record, requestDigest }, quota });
  try {
    return await create(digest);
  } catch (error) {
    if (!isConflict(error)) throw error;
    for (const other of others) {
      const accepted = await create(other).catch((failure: unknown) => {
        if (!isConflict(failure)) throw failure;
      });
      if (accepted) return accepted;
    }
    throw error;
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof AgentlaneError && error.reason === "IDEMPOTENCY_CONFLICT";
}

async function sealRecord(content: Content, record: TaskRecord): Promise<TaskRecord> {
  const { task, tenant } = record;
  const request = record.request && withoutSealed(record.request);
  if (!request || !task) return record;
  if (!content.isSealing) return request === record.request ? record : { ...record, request };
  return { ...record, request: await content.sealRequest(refOf(tenant, task), request) };
}

/** Small requests are counted for more than they take anyway. */
function addedBytes(plain: TaskRecord, sealed: TaskRecord): number {
  if (plain === sealed) return 0;
  return Math.max(0, messageBytes(sealed.request) - messageBytes(plain.request));
}

/** The claim stands, whatever can be read of it: its attempt ends with the reason. */
async function openClaim(content: Content, ref: TaskRef, claim: Claim): Promise<Claim> {
  const { record } = claim;
  const task = record.task && (await showTask(content, ref, record.task));
  try {
    const request = record.request && (await content.openRequest(ref, record.request));
    if (task === record.task && request === record.request) return claim;
    return { ...claim, record: { ...record, ...(task && { task }), ...(request && { request }) } };
  } catch (error) {
    if (!(error instanceof AgentlaneError)) throw error;
    const { request: _, ...rest } = record;
    return { ...claim, record: { ...rest, ...(task && { task }) }, unreadable: error };
  }
}

async function sealAll(
  content: Content,
  ref: TaskRef,
  afterSequence: number,
  events: readonly TaskEvent[],
): Promise<readonly TaskEvent[]> {
  if (!content.isSealing) return events;
  return Promise.all(
    events.map((event, index) => content.sealEvent(ref, afterSequence + 1 + index, event)),
  );
}

async function sealFinish(content: Content, ref: TaskRef, finish: Finish): Promise<Finish> {
  if (!content.isSealing) return finish;
  const { session, events, afterSequence, ending } = finish;
  const { tenant } = ref;
  return {
    ...finish,
    events: await sealAll(content, ref, afterSequence, events),
    ending: await sealEnding(content, ref, ending),
    ...(session && { session: await content.sealSession({ ...session, tenant }, session) }),
  };
}

async function sealEnding(content: Content, ref: TaskRef, ending: Ending): Promise<Ending> {
  if ("result" in ending) {
    return { ...ending, result: await content.sealResult(ref, ending.result) };
  }
  return { ...ending, error: await content.sealError(ref, ending.error) };
}

function encryptLog(log: TaskLog, content: Content): TaskLog {
  return {
    get: async (ref) => openTask(content, ref, await log.get(ref)),
    async list(tenant, ...rest) {
      return showPage(content, tenant, await log.list(tenant, ...rest));
    },
    async read(ref, ...rest) {
      const page = await log.read(ref, ...rest);
      return { ...page, entries: await openEntries(content, ref, page.entries) };
    },
    idOfKey: (...args) => log.idOfKey(...args),
    figures: (queue) => log.figures(queue),
    queues: () => log.queues(),
  };
}

async function showPage<T extends Page<Task>>(
  content: Content,
  tenant: string,
  page: T,
): Promise<T> {
  const items = await Promise.all(
    page.items.map((task) => showTask(content, refOf(tenant, task), task)),
  );
  return { ...page, items };
}

export async function openEntries(
  content: Content,
  ref: TaskRef,
  entries: LogEntry[],
): Promise<LogEntry[]> {
  if (!entries.some(({ event }) => event && isSealedEvent(event))) return entries;
  return Promise.all(
    entries.map(async (entry) => {
      const { event, sequence } = entry;
      const opened = event && (await content.openEvent(ref, sequence, event));
      return opened && opened !== event ? { ...entry, event: opened } : entry;
    }),
  );
}

function encryptSessions(sessions: SessionStore, content: Content): SessionStore {
  return {
    async load(ref) {
      const stored = await sessions.load(ref);
      if (!stored) return undefined;
      return { ...stored, context: await content.openSession(ref, stored.context) };
    },
    lane: (ref) => sessions.lane(ref),
    list: (...args) => sessions.list(...args),
    async import(ref, context, overwrite) {
      const plain = withoutSealed(context);
      const kept = content.isSealing ? await content.sealSession(ref, plain) : plain;
      return sessions.import(ref, kept, overwrite);
    },
    destroy: (ref) => sessions.destroy(ref),
  };
}
