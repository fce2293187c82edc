/** What the memory store holds. Every operation on it runs synchronously, which makes it atomic. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type {
  CancelMode,
  LogEntry,
  Notice,
  QueueMessage,
  TaskRecord,
} from "../../../gen/agentlane/store/v1/record_pb.js";
import type { ExecutionContext } from "../../../gen/agentlane/v1/session_pb.js";
import type { Task, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { Clock } from "../../clock.ts";
import { type Link, LinkedList } from "../../linked-list.ts";
import { timestamp } from "../../timestamp.ts";
import { type Effects, type SessionRef, sessionKey, type TaskRef } from "../contract.ts";
import { taskNotFound } from "../refusals.ts";
import type { StateChange } from "../state-change.ts";
import { DueHeap } from "./due-heap.ts";
import type { Counted, TenantAccount } from "./tenants.ts";

export interface MemoryState {
  readonly clock: Clock;
  readonly tenants: Map<string, TenantTable>;
  readonly queues: Map<string, QueueTable>;
  /** RUNNING tasks by the end of their lease. */
  readonly leases: DueHeap<TaskEntry>;
  /** RETRY_WAIT tasks by their next attempt. */
  readonly retries: DueHeap<TaskEntry>;
  /** QUEUED and RETRY_WAIT tasks that have a deadline. */
  readonly deadlines: DueHeap<TaskEntry>;
  readonly keys: DueHeap<RememberedKey>;
  /** Ready tasks whose doorbell is not confirmed, longest ago rung first. */
  readonly unpublished: LinkedList<TaskEntry>;
  readonly limits: MemoryLimits;
  /** Terminal tasks in the order they ended: those whose log is kept, … */
  readonly keptLogs: LinkedList<TaskEntry>;
  /** Events in those logs. */
  keptEventCount: number;
  /** … those that are no dead letters, … */
  readonly ended: LinkedList<TaskEntry>;
  /** … and the dead letters. */
  readonly dead: LinkedList<TaskEntry>;
  /** Tenants of which nothing new is accepted, with the instant that ends it; Infinity = being deleted. */
  readonly closed: Map<string, number>;
  /** Orders what has no other order: accepts, ends, commits, etags. */
  counter: number;
}

/** What is kept of terminal tasks at most, whatever retention says: memory ends before a day does. */
export interface MemoryLimits {
  /** Terminal tasks; the first that ended go first, with their idempotency keys. */
  readonly maxEndedTasks: number;
  /** Events in logs of terminal tasks; the first that ended lose their log first. */
  readonly maxEndedEvents: number;
}

export interface TenantTable {
  readonly tenant: string;
  readonly tasks: Map<string, TaskEntry>;
  /** All tasks in accept order. */
  readonly accepted: LinkedList<TaskEntry>;
  readonly deadLetters: LinkedList<TaskEntry>;
  readonly keys: Map<string, RememberedKey>;
  readonly sessions: Map<string, SessionEntry>;
  /** Sessions with a context, last used last. */
  readonly used: LinkedList<SessionEntry>;
  /** Undefined before the first accept with a quota. */
  account: TenantAccount | undefined;
}

export interface QueueTable {
  readonly name: string;
  readonly ready: Set<TaskEntry>;
  queuedCount: number;
  retryWaitCount: number;
  runningCount: number;
  deadLetterCount: number;
  completedCount: number;
  failedCount: number;
  attemptCount: number;
  attemptTotalMs: number;
}

/** A session: its lane, its tasks, its context. A stateless task has one of its own. */
export interface SessionEntry {
  readonly key: string;
  readonly agentId: string;
  readonly sessionId: string;
  /** Unfinished tasks; the first one is ready, running or waiting for its retry. */
  readonly lane: LinkedList<TaskEntry>;
  readonly tasks: LinkedList<TaskEntry>;
  context: ExecutionContext | undefined;
  /** Empty without a context. */
  etag: string;
  /** Empty before the first claim. */
  lastWorkerId: string;
  usedOrder: number;
  /** When the context was last committed or imported. */
  usedAtMs: number;
  usedLink: Link<SessionEntry> | undefined;
  /** Of its context, as counted for the tenant. */
  countedBytes: number;
}

export interface RememberedKey {
  readonly key: string;
  readonly digest: string;
  readonly entry: TaskEntry;
  readonly expiresAtMs: number;
}

/** What `finish` needs to recognize its repetition. */
export interface LastFinish {
  readonly fence: bigint;
  readonly afterSequence: number;
  readonly requestedState: TaskState;
  readonly ifExpired: boolean;
  readonly task: Task;
  readonly sessionEtag: string;
}

export interface TaskEntry {
  readonly table: TenantTable;
  readonly session: SessionEntry;
  readonly queue: QueueTable;
  readonly submitted: TaskRecord;
  readonly order: number;
  /** Replaced as a whole, never changed. */
  task: Task;
  log: LogEntry[];
  /** Sequence of log[0]. */
  firstSequence: number;
  fence: bigint;
  /** Of the newest claim; empty before the first. */
  claimId: string;
  leaseExpiresAtMs: number;
  deadlineAtMs: number | undefined;
  cancelMode: CancelMode;
  cancelReason: string;
  published: boolean;
  rungAtMs: number;
  attemptStartedAtMs: number;
  /** Sequence of the event that announced the newest attempt. */
  attemptSequence: number;
  endedAtMs: number;
  endedOrder: number;
  lastFinish: LastFinish | undefined;
  key: RememberedKey | undefined;
  /** Undefined when it was accepted without a quota. */
  readonly counted: Counted | undefined;
  /** Past retention, kept for its idempotency key only. */
  retired: boolean;
  laneLink: Link<TaskEntry> | undefined;
  sessionLink: Link<TaskEntry> | undefined;
  acceptedLink: Link<TaskEntry> | undefined;
  unpublishedLink: Link<TaskEntry> | undefined;
  logLink: Link<TaskEntry> | undefined;
  endedLink: Link<TaskEntry> | undefined;
  deadLetterLink: Link<TaskEntry> | undefined;
}

export function createState(clock: Clock, limits: MemoryLimits): MemoryState {
  return {
    clock,
    limits,
    keptEventCount: 0,
    tenants: new Map(),
    queues: new Map(),
    leases: new DueHeap(),
    retries: new DueHeap(),
    deadlines: new DueHeap(),
    keys: new DueHeap(),
    unpublished: new LinkedList(),
    keptLogs: new LinkedList(),
    ended: new LinkedList(),
    dead: new LinkedList(),
    closed: new Map(),
    counter: 0,
  };
}

/** One atomic operation: the instant it happens at, and what it asks its caller to do. */
export interface Operation {
  readonly state: MemoryState;
  readonly nowMs: number;
  readonly now: Timestamp;
  readonly doorbells: QueueMessage[];
  readonly notices: Notice[];
  readonly changes: StateChange[];
}

export function begin(state: MemoryState): Operation {
  const nowMs = state.clock.now();
  return { state, nowMs, now: timestamp(nowMs), doorbells: [], notices: [], changes: [] };
}

export function effectsOf({ state, nowMs, doorbells, notices, changes }: Operation): Effects {
  const retryAtMs = state.retries.nextDueAtMs ?? Number.POSITIVE_INFINITY;
  const deadlineAtMs = state.deadlines.nextDueAtMs ?? Number.POSITIVE_INFINITY;
  const dueAtMs = Math.min(retryAtMs, deadlineAtMs);
  const effects = changes.length > 0 ? { doorbells, notices, changes } : { doorbells, notices };
  if (!Number.isFinite(dueAtMs)) return effects;
  return { ...effects, nextDueInMs: Math.max(0, dueAtMs - nowMs) };
}

export function tenantTable(state: MemoryState, tenant: string): TenantTable {
  let table = state.tenants.get(tenant);
  if (!table) {
    table = {
      tenant,
      tasks: new Map(),
      accepted: new LinkedList(),
      deadLetters: new LinkedList(),
      keys: new Map(),
      sessions: new Map(),
      used: new LinkedList(),
      account: undefined,
    };
    state.tenants.set(tenant, table);
  }
  return table;
}

export function queueTable(state: MemoryState, name: string): QueueTable {
  let table = state.queues.get(name);
  if (!table) {
    table = {
      name,
      ready: new Set(),
      queuedCount: 0,
      retryWaitCount: 0,
      runningCount: 0,
      deadLetterCount: 0,
      completedCount: 0,
      failedCount: 0,
      attemptCount: 0,
      attemptTotalMs: 0,
    };
    state.queues.set(name, table);
  }
  return table;
}

/** The session's entry, made when it is new. Stateless tasks get one that nobody else finds. */
export function sessionEntry(table: TenantTable, agentId: string, sessionId: string): SessionEntry {
  const key = sessionKey({ agentId, sessionId });
  const known = sessionId === "" ? undefined : table.sessions.get(key);
  if (known) return known;
  const session: SessionEntry = {
    key,
    agentId,
    sessionId,
    lane: new LinkedList(),
    tasks: new LinkedList(),
    context: undefined,
    etag: "",
    lastWorkerId: "",
    usedOrder: 0,
    usedAtMs: 0,
    usedLink: undefined,
    countedBytes: 0,
  };
  if (sessionId !== "") table.sessions.set(key, session);
  return session;
}

export function findSession(state: MemoryState, ref: SessionRef): SessionEntry | undefined {
  return state.tenants.get(ref.tenant)?.sessions.get(sessionKey(ref));
}

export function findTask(state: MemoryState, ref: TaskRef): TaskEntry | undefined {
  return state.tenants.get(ref.tenant)?.tasks.get(ref.taskId);
}

export function requireTask(state: MemoryState, ref: TaskRef): TaskEntry {
  const entry = findTask(state, ref);
  if (!entry) throw taskNotFound(ref.taskId);
  return entry;
}
