/** POLICY of tasks: accept, watch, cancel, dead letters. What the services of the server call. */
import { CancelMode, type LogEntry } from "../../gen/agentlane/store/v1/record_pb.js";
import type { ExecuteRequest } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Priority, type Task, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Clock } from "../clock.ts";
import { AgentlaneError, isKind } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { EventBus, MessageQueue } from "../queue/contract.ts";
import type { Page, PageRequest, Store, TaskFilter } from "../store/contract.ts";
import { METRICS } from "../telemetry/metric-definitions.ts";
import { type Metrics, NO_METRICS } from "../telemetry/metrics.ts";
import { MESSAGING_OPERATION_PUBLISH } from "../telemetry/names.ts";
import { type AdmissionLimits, admit } from "./admission.ts";
import type { AgentDirectory } from "./agent-directory.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { JournalEntry } from "./journal.ts";
import type { Principal } from "./principal.ts";
import { withPublishSpan } from "./publish-span.ts";
import { linkedToTask } from "./resume-link.ts";
import { createRuns } from "./runs.ts";
import { isTerminal } from "./task-state.ts";
import type { TenantPolicy } from "./tenant-policy.ts";
import { createWatchers } from "./watchers.ts";

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

/** What is there at once, in order; never empty. A token of a stream is cheap because many come together. */
export type WatchedBatch = readonly WatchedEntry[];

export interface TaskRun {
  readonly taskId: string;
  /** From the first event to the terminal one; read it once, unless `ended` is enough. */
  readonly entries: AsyncIterable<WatchedBatch>;
  /** The task of a repeated call that finds it terminal; its log may be gone before it is. */
  readonly ended?: Task;
}

export interface TaskManager {
  /** Accepts a task in the background. */
  submit(
    principal: Principal,
    input: TaskInput,
    options: SubmitOptions,
  ): Promise<{ task: Task; existing: boolean }>;
  /**
   * Accepts a task and watches it. When `signal` aborts before the terminal event, the entries end.
   * Unless its reason is `deadline_exceeded`, `unavailable` or `unauthenticated`, that is a disconnect:
   * the task is canceled or goes on as `input.onDisconnect` says. While other calls of this process wait for
   * the task (same idempotency key) it goes on, and is canceled when the last of them disconnects.
   */
  run(
    principal: Principal,
    input: TaskInput,
    options: SubmitOptions,
    signal: AbortSignal,
  ): Promise<TaskRun>;
  /**
   * The log after a sequence, to the terminal event. Ends without error when `signal` aborts, with
   * `unavailable` when this process stops before the task does (WATCH_ENDED), or the store is away
   * (WATCH_BROKEN).
   */
  watch(
    principal: Principal,
    taskId: string,
    afterSequence: number,
    signal: AbortSignal,
  ): AsyncIterable<WatchedBatch>;
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

/** How long a cancel waits for a running attempt to stop. */
const CANCEL_WAIT_MS = 1000;

export interface TaskManagerParts {
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly agents: AgentDirectory;
  readonly dispatcher: Dispatcher;
  readonly limits: AdmissionLimits;
  readonly policy: TenantPolicy;
  /** Watches open at once in this process. */
  readonly maxWatchers: number;
  /** Told when the cancel after a disconnect could not be stored; the task then runs to its end. */
  readonly onCancelFailure: (taskId: string, error: unknown) => void;
  /** Default: off. */
  readonly metrics?: Metrics;
}

export interface OwnedTaskManager extends TaskManager {
  watcherCount(): number;
  /** Events buffered for all watches, in approximate bytes. */
  watcherBytes(): number;
  /** Ends all watches with `unavailable` (WATCH_ENDED); their tasks go on. */
  endWatches(): void;
  /** Ends all watches and waits for cancels on their way. */
  close(): Promise<void>;
}

export function createTaskManager(parts: TaskManagerParts): OwnedTaskManager {
  const { store, dispatcher } = parts;
  const watchers = createWatchers(
    { log: store.log, bus: parts.bus, clock: parts.clock },
    parts.maxWatchers,
  );
  const resumes = (parts.metrics ?? NO_METRICS).counter(METRICS.streamResumes);
  const accept = accepting(parts);
  const canceling = new Set<Promise<void>>();

  async function cancel(
    principal: Principal,
    target: { taskId: string } | { idempotencyKey: string },
    reason: string,
  ): Promise<Task> {
    const { tenant } = principal;
    const request = { tenant, target, mode: CancelMode.DISCARD, reason };
    const { task, effects } = await store.tasks.requestCancel(request);
    await dispatcher.dispatch(effects);
    return task;
  }

  function cancelAfterDisconnect(principal: Principal, taskId: string): void {
    const canceled = cancel(principal, { taskId }, "the client disconnected")
      .then(() => undefined)
      .catch((error: unknown) => {
        if (!isKind(error, "not_found")) parts.onCancelFailure(taskId, error);
      })
      .finally(() => canceling.delete(canceled));
    canceling.add(canceled);
  }

  return {
    submit: (principal, input, options) => accept(parts.newId(), principal, input, options),

    run: createRuns({
      watchers,
      newId: parts.newId,
      accept,
      cancelAfterDisconnect,
    }),

    watch(principal, taskId, afterSequence, signal) {
      const ref = { tenant: principal.tenant, taskId };
      const entries = watchers.lazy({ ref, afterSequence, fresh: false, signal });
      if (afterSequence === 0) return entries;
      resumes.add(1);
      return linkedToTask(entries, () => store.log.get(ref));
    },

    get: (principal, taskId) => store.log.get({ tenant: principal.tenant, taskId }),
    list: (principal, filter, page) => store.log.list(principal.tenant, filter, page),

    async cancel(principal, target, reason) {
      const task = await cancel(principal, target, reason || "canceled by the client");
      if (isTerminal(task.state)) return task;
      const ref = { tenant: principal.tenant, taskId: task.taskId };
      await watchers.untilEnd(ref, task.lastSequence, CANCEL_WAIT_MS);
      return store.log.get(ref);
    },

    listDeadLetters: (principal, filter, page) =>
      store.deadLetters.list(principal.tenant, filter, page),
    async redrive(principal, taskIds) {
      const ids = [...new Set(taskIds)];
      const { effects, ...answer } = await store.deadLetters.redrive(principal.tenant, ids);
      await dispatcher.dispatch(effects);
      return answer;
    },
    purgeDeadLetters: (principal, selection) =>
      store.deadLetters.purge(principal.tenant, selection),

    watcherCount: () => watchers.count(),
    watcherBytes: () => watchers.bytes(),
    endWatches: () => watchers.closeAll(),
    async close() {
      watchers.closeAll();
      await Promise.all(canceling);
    },
  };
}

type Accept = Parameters<typeof createRuns>[0]["accept"];

/** How a task is accepted: its record, its doorbell, its place in the journal. */
function accepting(parts: TaskManagerParts): Accept {
  const { queue, clock, dispatcher } = parts;
  const published = (parts.metrics ?? NO_METRICS).histogram(METRICS.messagingOperation);

  return async (taskId, principal, input, options) => {
    const policy = parts.agents.policy(input.agentId);
    const attributes = {
      queueType: queue.type,
      queue: policy.queue,
      taskId,
      sessionId: input.sessionId,
      priority: input.priority || (options.streaming ? Priority.HIGH : Priority.NORMAL),
    };
    const startedAt = clock.monotonic();
    const end = (errorType: string): void => {
      const seconds = (clock.monotonic() - startedAt) / 1000;
      published.record(seconds, MESSAGING_OPERATION_PUBLISH, queue.type, policy.queue, errorType);
    };
    const accepted = await withPublishSpan(attributes, async (carrier) => {
      const rule = parts.policy.ruleOf(principal.tenant);
      const called = { taskId, principal, input, options, policy, rule };
      const admission = { ...called, nowMs: clock.now() };
      const submission = admit(
        { ...admission, traceHeaders: carrier.headers, traceId: carrier.traceId },
        parts.limits,
        parts.newId,
      );
      const { task, existing, effects } = await parts.store.tasks.create(submission);
      if (!existing) dispatcher.journal.changed(acceptOf(principal, task));
      await dispatcher.dispatch(effects);
      return { task, existing };
    }).catch((error: unknown) => {
      end(error instanceof AgentlaneError ? error.reason : "UNKNOWN");
      throw error;
    });
    end("");
    return accepted;
  };
}

function acceptOf({ tenant }: Principal, { taskId, agentId }: Task): JournalEntry {
  const change = { previous: TaskState.UNSPECIFIED, state: TaskState.QUEUED, reason: "" };
  return { tenant, taskId, agentId, attempt: 0, ...change };
}
