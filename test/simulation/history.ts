/**
 * What happened in a run, in order: the calls of clients, what the store did, what agents did, what
 * watchers saw. A recorder fills it, whatever the backend; the checker judges it. Instants are
 * milliseconds of one clock.
 */
import type { LogEntry } from "../../gen/agentlane/store/v1/record_pb.js";
import type { ExecutionContext, SessionSummary } from "../../gen/agentlane/v1/session_pb.js";
import type { MultitaskStrategy, Task, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Backoff } from "../../src/tasks/retry.ts";
import type { WatchedEntry } from "../../src/tasks/task-manager.ts";

export interface History {
  readonly limits: HistoryLimits;
  readonly records: readonly HistoryRecord[];
}

export interface HistoryLimits {
  readonly maxQueueSize: number;
  readonly idempotencyMs: number;
  readonly logRetentionMs: number;
  readonly taskRetentionMs: number;
  readonly deadLetterRetentionMs: number;
  readonly backoff: Backoff;
  /** By tenant; absent = no limit. */
  readonly maxRunningTasks?: Readonly<Record<string, number>>;
  /** What an error of this reason asks for at least. */
  readonly retryAfterMs: Readonly<Record<string, number>>;
  /** A worker that is not frozen knows of the end of its lease within this. */
  readonly abortBoundMs: number;
  /** A canceled attempt has ended after this, when nothing is broken. */
  readonly cancelBoundMs: number;
}

export type HistoryRecord =
  | SubmitRecord
  | StoreRecord
  | TurnRecord
  | WatchRecord
  | SnapshotRecord
  | {
      readonly type: "watching";
      readonly at: number;
      readonly watch: number;
      readonly taskId: string;
    }
  | { readonly type: "probe"; readonly at: number; readonly found: boolean; readonly what: string }
  | { readonly type: "problem"; readonly at: number; readonly what: string }
  | { readonly type: "faults-stopped"; readonly at: number }
  | { readonly type: "quiet"; readonly at: number }
  | { readonly type: "stopped"; readonly at: number; readonly leaks: readonly string[] };

/** A client's submit and what it was told. */
export type SubmitRecord =
  | {
      readonly type: "submit";
      readonly at: number;
      readonly call: number;
      readonly tenant: string;
      readonly idempotencyKey: string;
      /** Equal for equal requests. */
      readonly request: string;
    }
  | {
      readonly type: "submitted";
      readonly at: number;
      readonly call: number;
      readonly taskId: string;
    }
  | {
      readonly type: "refused";
      readonly at: number;
      readonly call: number;
      readonly kind: string;
      readonly reason: string;
    };

interface OfTask {
  readonly at: number;
  readonly tenant: string;
  readonly taskId: string;
}

interface OfLease extends OfTask {
  readonly fence: bigint;
}

/** What the store did, whether or not its caller learned of it. */
export type StoreRecord =
  | (OfTask & {
      readonly type: "created";
      readonly task: Task;
      readonly strategy: MultitaskStrategy;
    })
  | (OfLease & {
      readonly type: "claimed";
      readonly attempt: number;
      readonly workerId: string;
      readonly leaseMs: number;
      readonly task: Task;
    })
  | (OfLease & { readonly type: "renewed"; readonly leaseMs: number })
  | (OfLease & { readonly type: "appended"; readonly lastSequence: number })
  | (OfLease & {
      readonly type: "finished";
      readonly requested: TaskState;
      readonly byExpiry: boolean;
      readonly task: Task;
      readonly session: ExecutionContext | undefined;
    })
  | (OfTask & { readonly type: "cancel-accepted"; readonly task: Task })
  | (OfTask & { readonly type: "redriven" })
  | (OfTask & { readonly type: "removed" })
  | (OfTask & { readonly type: "entries"; readonly entries: readonly LogEntry[] })
  | {
      readonly type: "imported";
      readonly at: number;
      readonly session: string;
      readonly context: ExecutionContext;
    }
  | { readonly type: "destroyed"; readonly at: number; readonly session: string };

/** What an agent was given and did. */
export type TurnRecord =
  | {
      readonly type: "turn";
      readonly at: number;
      readonly taskId: string;
      readonly attempt: number;
      readonly context: ExecutionContext;
    }
  | {
      readonly type: "emitted";
      readonly at: number;
      readonly taskId: string;
      readonly attempt: number;
      readonly text: string;
    }
  | {
      readonly type: "tool-call";
      readonly at: number;
      readonly taskId: string;
      readonly attempt: number;
      /** The worker was frozen while the turn ran: it may learn of its end later than others. */
      readonly excused: boolean;
    };

export interface WatchRecord {
  readonly type: "watched";
  readonly at: number;
  readonly watch: number;
  readonly tenant: string;
  readonly taskId: string;
  readonly after: number;
  readonly entries: readonly WatchedEntry[];
  /** ended: by itself; cut: by its reader or a dead gateway; otherwise the kind of the error. */
  readonly end: string;
}

/** The store as anybody may read it, at one instant. */
export interface SnapshotRecord {
  readonly type: "snapshot";
  readonly at: number;
  readonly tenants: readonly {
    readonly tenant: string;
    readonly tasks: readonly Task[];
    readonly deadLetters: readonly Task[];
    readonly sessions: readonly {
      readonly summary: SessionSummary;
      readonly context: ExecutionContext | undefined;
    }[];
  }[];
}

/** `tenant/agent_id#session_id`; empty for a stateless task. */
export function sessionOf(tenant: string, task: Pick<Task, "agentId" | "sessionId">): string {
  return task.sessionId === "" ? "" : `${tenant}/${task.agentId}#${task.sessionId}`;
}
