/**
 * Seam: where truth lives. Tasks, lanes, leases, events, idempotency keys, sessions, workers
 * and credentials.
 * Every operation is atomic; every write of an attempt carries its lease and is refused with
 * `lease_lost` when its fence is stale. Instants are the store's own (server) time: callers pass
 * durations. Records handed out are never changed afterwards by the store, nor may the caller change
 * them. Conformance: test/conformance/store-suite.ts.
 */
import type {
  CancelMode,
  LogEntry,
  Notice,
  QueueMessage,
  TaskRecord,
} from "../../gen/agentlane/store/v1/record_pb.js";
import type { ExecutionContext, SessionSummary } from "../../gen/agentlane/v1/session_pb.js";
import type {
  MultitaskStrategy,
  Task,
  TaskError,
  TaskEvent,
  TaskResult,
  TaskState,
} from "../../gen/agentlane/v1/task_pb.js";
import type { AgentlaneError } from "../errors.ts";
import type { Service } from "../lifecycle.ts";
import type { CredentialStore } from "./credential-contract.ts";
import type { StateChange } from "./state-change.ts";
import type { Quota, TenantStore } from "./tenant-contract.ts";
import type { WorkerStore } from "./worker-registry.ts";

export interface Store extends Service {
  /** memory, redis, postgres or sqlite. */
  readonly type: string;
  readonly tasks: TaskStore;
  readonly log: TaskLog;
  readonly deadLetters: DeadLetterStore;
  readonly sessions: SessionStore;
  readonly workers: WorkerStore;
  readonly tenants: TenantStore;
  readonly credentials: CredentialStore;
  /** Resolves when the store answers; rejects with `unavailable` and the reason otherwise. */
  check(): Promise<void>;
}

export interface TaskRef {
  readonly tenant: string;
  readonly taskId: string;
}

export interface SessionRef {
  readonly tenant: string;
  readonly agentId: string;
  readonly sessionId: string;
}

/**
 * What a write asks its caller to do next. Not doing it costs time, never correctness: watchers and
 * the sweeper find out by themselves. Doorbells are absent where the adapter has already rung them.
 */
export interface Effects {
  /** Tasks that became ready: publish to the queue, then `markPublished`. */
  readonly doorbells: readonly QueueMessage[];
  /** Publish to the bus: log entries on the task's topic, the others on the workers' topic. */
  readonly notices: readonly Notice[];
  /** When the next retry or deadline is due, counted from now; undefined = none known. */
  readonly nextDueInMs?: number;
  /**
   * State changes that the write made, for the record; absent = none. Without the one that create,
   * claim and finish are called for: their caller knows it. A repeat makes none.
   */
  readonly changes?: readonly StateChange[];
  /** Queues of doorbells that the adapter has rung itself, one name a doorbell; absent = none. */
  readonly rung?: readonly string[];
}

export interface TaskStore {
  /**
   * Accepts a task at the end of its lane and writes its first event. With an idempotency key that
   * is known: the existing task when the digest is equal, `already_exists` (IDEMPOTENCY_CONFLICT)
   * otherwise. `failed_precondition` (SESSION_BUSY) for REJECT on a busy lane; `resource_exhausted`
   * (QUEUE_FULL) when the queue already has `maxQueueSize` unfinished tasks. INTERRUPT and ROLLBACK
   * request the cancel of the lane's unfinished tasks in the same operation; ROLLBACK also turns a
   * KEEP that was requested before into DISCARD. A repeat with the same task id answers the task as it
   * stands. `failed_precondition` (TENANT_DELETED) when the tenant is closed.
   */
  create(submission: Submission): Promise<{ task: Task; existing: boolean; effects: Effects }>;
  /** The queue has confirmed these tasks' doorbells. Unknown and no longer queued ones are ignored. */
  markPublished(refs: readonly TaskRef[]): Promise<void>;
  /**
   * Takes a ready task (QUEUED, head of its lane) for an attempt: RUNNING, a new fence, a lease, the
   * event that announces the attempt. `claim` undefined: somebody else has it, or it is not ready
   * (any more). A task whose deadline has passed is failed instead. A repeat with the same claim id
   * answers the same claim while its lease is held, with the record as it stands, and undefined once
   * the attempt has ended: a lost reply costs neither lease nor attempt.
   */
  claim(request: ClaimRequest): Promise<{ claim: Claim | undefined; effects: Effects }>;
  /**
   * Extends leases; one result per lease, in order. An invalid lease stays invalid. One that has
   * ended but that nobody has acted upon yet (by `finish` with `ifExpired`) is still its holder's:
   * it may write and renew.
   */
  renew(leases: readonly Lease[], leaseMs: number): Promise<LeaseStatus[]>;
  /**
   * Appends events to the task's log, numbered from `afterSequence` + 1, stamped with the store's
   * time where they carry none. Idempotent: positions that the attempt has already written are
   * skipped, so a repeat with the same lease and afterSequence changes nothing and answers the same.
   * A gap is `internal`.
   */
  append(
    lease: Lease,
    afterSequence: number,
    events: readonly TaskEvent[],
  ): Promise<{ lastSequence: number; effects: Effects }>;
  /**
   * Ends an attempt: appends its last events and the state change, commits the session, and, when
   * the task is terminal, promotes the lane's next task; all in one step. Idempotent like append.
   * Every ending but QUEUED consumes the attempt. RETRY_WAIT and QUEUED become CANCELED when a cancel
   * was requested. A session version other than the stored one + 1 is `internal`.
   * `sessionEtag` is the session's after the commit; empty without one. `state` is the task's now: the
   * requested one, or CANCELED.
   */
  finish(
    lease: Lease,
    finish: Finish,
  ): Promise<{ task: Task; state: TaskState; sessionEtag: string; effects: Effects }>;
  /**
   * Cancels by id or idempotency key. QUEUED and RETRY_WAIT → CANCELED at once; RUNNING: recorded,
   * and a CancelRequested notice for its worker; terminal: unchanged. `not_found` when unknown.
   */
  requestCancel(request: CancelRequest): Promise<{ task: Task; effects: Effects }>;
  /**
   * Running tasks whose lease has ended, oldest first; to be ended by `finish` with `ifExpired`. At
   * most `limit`, and fewer when their requests are large (MAX_PAGE_BYTES): a short answer is not the
   * end, only an empty one is.
   */
  expired(limit: number): Promise<ExpiredLease[]>;
  /**
   * The store's own chores, at most `limit` tasks a call: due retries become ready, queued tasks
   * past their deadline fail, ready tasks unpublished for `unpublishedAfterMs` ring again, logs,
   * tasks and sessions past retention go.
   */
  sweep(options: SweepOptions): Promise<{ sweptCount: number; effects: Effects }>;
  /**
   * Doorbells of ready tasks by task id (which is by age, as ids are UUIDv7), after a task id (empty
   * = from the start); for reconcile.
   */
  ready(queue: string, afterTaskId: string, limit: number): Promise<QueueMessage[]>;
}

export interface Submission {
  /**
   * Complete but for what the store decides: state, instants, sequence, published. A stateless task
   * (empty session_id) is a lane of its own.
   */
  readonly record: TaskRecord;
  readonly strategy: MultitaskStrategy;
  /** Fail the task when it is not finished this long after the accept; undefined = never. */
  readonly deadlineInMs: number | undefined;
  /** Unfinished tasks the task's queue may hold. */
  readonly maxQueueSize: number;
  /** What its tenant may have; undefined = no limits, and the task is not counted. */
  readonly quota?: Quota | undefined;
  /**
   * How long the idempotency key is remembered, and the task with it even past its retention. Purge
   * and destroy forget both.
   */
  readonly idempotencyMs: number;
}

export interface ClaimRequest {
  readonly ref: TaskRef;
  /** Unique; the same for the repeats of one claim only. */
  readonly claimId: string;
  readonly workerId: string;
  readonly leaseMs: number;
  /** W3C span id of the attempt; empty when tracing is off. */
  readonly spanId: string;
}

export interface Lease extends TaskRef {
  /** Strictly increasing per task. */
  readonly fence: bigint;
  readonly attempt: number;
}

export interface Claim {
  readonly lease: Lease;
  readonly record: TaskRecord;
  /** Identifies the session's content; changes with every commit, import and destroy. Empty = none. */
  readonly sessionEtag: string;
  /** Until the task's deadline, counted from now; undefined = none. */
  readonly deadlineInMs: number | undefined;
  /**
   * Of a task that was delivered claimed, what was left of its lease when the claim was asked for, at
   * least: less than asked for, so it wants to be renewed soon. Absent = the lease began then.
   */
  readonly leaseLeftMs?: number;
  /** The record's request cannot be read, and is left out: the attempt ends with this. Absent = it can. */
  readonly unreadable?: AgentlaneError;
}

export interface LeaseStatus {
  readonly valid: boolean;
  /** Set when a cancel was requested. */
  readonly cancel?: { readonly mode: CancelMode; readonly reason: string };
}

export interface ExpiredLease {
  readonly lease: Lease;
  /** Without its request: ending an attempt needs none, and it may be nearly all of the record. */
  readonly record: TaskRecord;
}

export interface Finish {
  /** Ignored with `ifExpired`: who ends a dead attempt does not know where its log ends. */
  readonly afterSequence: number;
  /** Events not yet appended. */
  readonly events: readonly TaskEvent[];
  readonly ending: Ending;
  /**
   * Committed with the ending; undefined leaves the session as it is. With CANCELED it is left out
   * when the cancel discards: `sessionEtag` is then that of the claim.
   */
  readonly session?: ExecutionContext;
  /** Only if the lease has expired; otherwise `lease_lost`. For the sweeper. */
  readonly ifExpired?: boolean;
}

export type Ending =
  | { readonly state: TaskState.COMPLETED | TaskState.INPUT_REQUIRED; readonly result: TaskResult }
  | { readonly state: TaskState.FAILED; readonly error: TaskError; readonly leaseExpired?: boolean }
  | {
      readonly state: TaskState.CANCELED;
      readonly error: TaskError;
      readonly leaseExpired?: boolean;
    }
  | {
      readonly state: TaskState.RETRY_WAIT;
      readonly error: TaskError;
      readonly delayMs: number;
      readonly leaseExpired?: boolean;
    }
  /** Handed back by a drain: ready again, no attempt consumed. */
  | { readonly state: TaskState.QUEUED; readonly error: TaskError };

export interface CancelRequest {
  readonly tenant: string;
  readonly target: { readonly taskId: string } | { readonly idempotencyKey: string };
  readonly mode: CancelMode;
  readonly reason: string;
}

export interface SweepOptions {
  readonly limit: number;
  readonly unpublishedAfterMs: number;
  /** After its end a task's log is dropped after this … */
  readonly logRetentionMs: number;
  /** … and the task itself after this; dead letters have their own. */
  readonly taskRetentionMs: number;
  readonly deadLetterRetentionMs: number;
  /** A session without unfinished tasks goes this long after its last commit. */
  readonly sessionRetentionMs: number;
}

/**
 * Reading tasks. A list and a read answer about MAX_PAGE_BYTES (page-bytes.ts) at most, but at least
 * one item where there is one: a short page is not the end, its token or `lastSequence` says whether
 * there is more.
 */
export interface TaskLog {
  /** `not_found` when unknown, of another tenant, or past retention. */
  get(ref: TaskRef): Promise<Task>;
  /** The id of the tenant's task that an idempotency key names; `not_found` as `requestCancel` by key. */
  idOfKey(tenant: string, idempotencyKey: string): Promise<string>;
  /** Newest first; bounded in bytes. */
  list(tenant: string, filter: TaskFilter, page: PageRequest): Promise<Page<Task>>;
  /** Entries after a sequence, at most `limit`, bounded in bytes; `not_found` like get. */
  read(ref: TaskRef, afterSequence: number, limit: number): Promise<LogPage>;
  /** Counts of the tasks of a queue and, over all its ended attempts, their run time. */
  figures(queue: string): Promise<QueueFigures>;
  /** Names of the queues that tasks were ever submitted to. */
  queues(): Promise<string[]>;
}

export interface TaskFilter {
  readonly agentId?: string;
  readonly sessionId?: string;
  readonly states?: readonly TaskState[];
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface PageRequest {
  /** At most; a page may be shorter and still have a next one. */
  readonly size: number;
  /** Empty = first page. An unreadable token is `invalid_argument`. */
  readonly token: string;
}

export interface Page<T> {
  readonly items: T[];
  /** Empty = last page. */
  readonly nextToken: string;
}

export interface LogPage {
  readonly entries: LogEntry[];
  /** Of the whole log: the first entry still kept, and the last. firstSequence = lastSequence + 1 when none is kept. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Whether the last entry is the terminal one. */
  readonly terminal: boolean;
}

export interface QueueFigures {
  /** Ready for a worker. */
  readonly readyCount: number;
  /** Behind their lane's head, or waiting for a retry. */
  readonly waitingCount: number;
  readonly retryWaitCount: number;
  readonly runningCount: number;
  /** FAILED tasks still kept. */
  readonly deadLetterCount: number;
  /** COMPLETED, INPUT_REQUIRED and CANCELED ever. */
  readonly completedCount: number;
  /** FAILED ever. */
  readonly failedCount: number;
  readonly attemptCount: number;
  readonly attemptTotalMs: number;
}

export interface DeadLetterStore {
  /** FAILED tasks, newest first; bounded in bytes like TaskLog.list. */
  list(
    tenant: string,
    filter: { agentId?: string; reason?: string },
    page: PageRequest,
  ): Promise<Page<Task> & { totalCount: number }>;
  /** Back to the end of their lanes as QUEUED, attempts reset, deadline dropped. */
  redrive(
    tenant: string,
    taskIds: readonly string[],
  ): Promise<{ redriven: string[]; skipped: string[]; effects: Effects }>;
  /** Deletes by ids or, without them, by filter; idempotency keys go with their tasks. */
  purge(
    tenant: string,
    selection: { taskIds?: readonly string[]; agentId?: string; failedBeforeMs?: number },
  ): Promise<number>;
}

export interface SessionStore {
  /** Undefined before the first committed turn. */
  load(ref: SessionRef): Promise<StoredSession | undefined>;
  /** Unfinished tasks in lane order, the running one first. */
  lane(ref: SessionRef): Promise<string[]>;
  /** Last used first. */
  list(
    tenant: string,
    filter: { agentId?: string },
    page: PageRequest,
  ): Promise<Page<SessionSummary>>;
  /**
   * `failed_precondition` (SESSION_BUSY) with unfinished tasks, or (TENANT_DELETED) when the tenant is
   * closed; `already_exists` without overwrite.
   * Keeps the instants that the context carries, so that an export comes back equal.
   */
  import(
    ref: SessionRef,
    context: ExecutionContext,
    overwrite: boolean,
  ): Promise<{ effects: Effects }>;
  /**
   * Cancels its unfinished tasks, deletes its context, tasks, logs and idempotency keys. A running
   * attempt loses its lease and is told to stop. Notices: terminal entries first, SessionReplaced last.
   * A large session goes in several steps, each atomic, and all of it is gone when this answers. Tasks
   * accepted meanwhile are of the session that begins anew; a repeat goes on where one has failed.
   */
  destroy(ref: SessionRef): Promise<{ existed: boolean; canceledCount: number; effects: Effects }>;
}

export interface StoredSession {
  readonly context: ExecutionContext;
  readonly etag: string;
}

/** `agent_id#session_id`; ids cannot contain "#", so it is injective. */
export function sessionKey(ref: { agentId: string; sessionId: string }): string {
  return `${ref.agentId}#${ref.sessionId}`;
}
