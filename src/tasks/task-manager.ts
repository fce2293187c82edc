/** POLICY of tasks: accept, watch, cancel, dead letters. What the services of the server call. */
import type { LogEntry } from "../../gen/agentlane/store/v1/record_pb.js";
import type { ExecuteRequest } from "../../gen/agentlane/v1/agent_service_pb.js";
import type { Task } from "../../gen/agentlane/v1/task_pb.js";
import type { Page, PageRequest, TaskFilter } from "../store/contract.ts";

/** The caller, as authentication established it. The tenant never comes from a request. */
export interface Principal {
  readonly tenant: string;
}

/** Used until authentication names a tenant. */
export const DEFAULT_TENANT = "default";

/** What a client submits; all three submitting requests have these fields. */
export type TaskInput = Omit<ExecuteRequest, "$typeName" | "$unknown">;

export interface SubmitOptions {
  /** Whether token events are produced. */
  readonly streaming: boolean;
  /** The caller's remaining time; undefined = no deadline. ≤ 0 is `deadline_exceeded`. */
  readonly deadlineInMs: number | undefined;
}

/** A log entry as a watcher gets it; `mergedCount` earlier entries are folded into it. */
export interface WatchedEntry extends Omit<LogEntry, "$typeName" | "$unknown" | "event"> {
  readonly event: NonNullable<LogEntry["event"]>;
  readonly mergedCount: number;
}

export interface TaskRun {
  readonly taskId: string;
  /** From the first event to the terminal one; read it once. */
  readonly entries: AsyncIterable<WatchedEntry>;
}

export interface TaskManager {
  /** Accepts a task in the background. */
  submit(
    principal: Principal,
    input: TaskInput,
    options: SubmitOptions,
  ): Promise<{ task: Task; existing: boolean }>;
  /**
   * Accepts a task and watches it. When `signal` aborts before the terminal event, the task is
   * canceled or goes on as `input.onDisconnect` says, and the entries end.
   */
  run(
    principal: Principal,
    input: TaskInput,
    options: SubmitOptions,
    signal: AbortSignal,
  ): Promise<TaskRun>;
  /** The log after a sequence, to the terminal event. Ends without error when `signal` aborts. */
  watch(
    principal: Principal,
    taskId: string,
    afterSequence: number,
    signal: AbortSignal,
  ): AsyncIterable<WatchedEntry>;
  get(principal: Principal, taskId: string): Promise<Task>;
  list(principal: Principal, filter: TaskFilter, page: PageRequest): Promise<Page<Task>>;
  /** Waits up to a second for a running attempt to stop. */
  cancel(
    principal: Principal,
    target: { taskId: string } | { idempotencyKey: string },
    reason: string,
  ): Promise<Task>;
  listDeadLetters(
    principal: Principal,
    filter: { agentId?: string; reason?: string },
    page: PageRequest,
  ): Promise<Page<Task> & { totalCount: number }>;
  redrive(
    principal: Principal,
    taskIds: readonly string[],
  ): Promise<{ redriven: string[]; skipped: string[] }>;
  purgeDeadLetters(
    principal: Principal,
    selection: { taskIds?: readonly string[]; agentId?: string; failedBeforeMs?: number },
  ): Promise<number>;
}
