/** What a history says holds at an instant, built record by record. */
import type { LogEntry } from "../../gen/agentlane/store/v1/record_pb.js";
import type { Message } from "../../gen/agentlane/v1/content_pb.js";
import type { ExecutionContext } from "../../gen/agentlane/v1/session_pb.js";
import { MultitaskStrategy, type Task, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { isTerminal } from "../../src/tasks/task-state.ts";
import { type HistoryRecord, sessionOf } from "./history.ts";

export interface HeldLease {
  readonly fence: bigint;
  untilMs: number;
}

export interface TaskAccount {
  readonly tenant: string;
  readonly taskId: string;
  /** Empty for a stateless task. */
  readonly session: string;
  readonly accepted: Task;
  readonly createdAt: number;
  readonly log: LogEntry[];
  /** Of the newest state change. */
  state: TaskState;
  changedAt: number;
  /** Of the newest RETRY_WAIT. */
  nextAttemptAt: number | undefined;
  lease: HeldLease | undefined;
  highestFence: bigint;
  claimCount: number;
  consumedCount: number;
  /** Last sequence after the finish of the highest fence. */
  finishedSequence: number | undefined;
  /** The newest attempt that was ended by its own worker. */
  selfEndedAttempt: number | undefined;
  cancelAcceptedAt: number | undefined;
  /** What the cancel does with the output: the first request decides, but a rollback always discards. */
  cancelMode: "keep" | "discard" | undefined;
  /** For how long it was a dead letter at most before it was redriven. */
  deadMs: number;
  isRemoved: boolean;
  /** Length of the log when each watch began. */
  readonly watches: Map<number, number>;
  readonly emitted: Map<number, string[]>;
  /** The session's committed context when the attempt was claimed. */
  readonly contexts: Map<number, ExecutionContext | undefined>;
}

export interface SessionAccount {
  /** Unfinished tasks in the order they came to the lane. */
  lane: TaskAccount[];
  context: ExecutionContext | undefined;
}

export class Ledger {
  readonly tasks = new Map<string, TaskAccount>();
  readonly #sessions = new Map<string, SessionAccount>();

  session(name: string): SessionAccount {
    const known = this.#sessions.get(name);
    if (known) return known;
    const session: SessionAccount = { lane: [], context: undefined };
    this.#sessions.set(name, session);
    return session;
  }

  unfinishedCount(): number {
    let count = 0;
    for (const { state, isRemoved } of this.tasks.values()) {
      if (!isRemoved && !isTerminal(state)) count++;
    }
    return count;
  }

  apply(record: HistoryRecord): void {
    switch (record.type) {
      case "created":
        this.#accept(record);
        return;
      case "imported":
        this.session(record.session).context = record.context;
        return;
      case "destroyed":
        this.session(record.session).context = undefined;
        return;
      default: {
        const task = "taskId" in record ? this.tasks.get(record.taskId) : undefined;
        if (task) this.#applyTo(task, record);
      }
    }
  }

  #accept(record: Extract<HistoryRecord, { type: "created" }>): void {
    const { tenant, taskId, task, at, strategy } = record;
    const session = sessionOf(tenant, task);
    for (const ahead of session === "" ? [] : this.session(session).lane) {
      if (strategy === MultitaskStrategy.INTERRUPT) ahead.cancelMode ??= "keep";
      if (strategy === MultitaskStrategy.ROLLBACK) ahead.cancelMode = "discard";
    }
    const account: TaskAccount = {
      tenant,
      taskId,
      session,
      accepted: task,
      createdAt: at,
      log: [],
      state: TaskState.QUEUED,
      changedAt: at,
      nextAttemptAt: undefined,
      lease: undefined,
      highestFence: 0n,
      claimCount: 0,
      consumedCount: 0,
      finishedSequence: undefined,
      selfEndedAttempt: undefined,
      cancelAcceptedAt: undefined,
      cancelMode: undefined,
      deadMs: 0,
      isRemoved: false,
      watches: new Map(),
      emitted: new Map(),
      contexts: new Map(),
    };
    this.tasks.set(taskId, account);
    if (session !== "") this.session(session).lane.push(account);
  }

  #applyTo(task: TaskAccount, record: HistoryRecord): void {
    switch (record.type) {
      case "entries":
        for (const entry of record.entries) this.#extend(task, entry, record.at);
        return;
      case "claimed":
        task.lease = { fence: record.fence, untilMs: record.at + record.leaseMs };
        task.highestFence = record.fence;
        task.claimCount++;
        task.finishedSequence = undefined;
        task.contexts.set(record.attempt, this.session(task.session).context);
        return;
      case "renewed":
        if (task.lease?.fence === record.fence) task.lease.untilMs = record.at + record.leaseMs;
        return;
      case "finished":
        if (task.lease?.fence !== record.fence) return;
        task.lease = undefined;
        if (!record.byExpiry) task.selfEndedAttempt = record.task.attempt;
        task.finishedSequence = record.task.lastSequence;
        task.consumedCount = record.task.consumedAttempts;
        if (record.session) this.session(task.session).context = record.session;
        return;
      case "cancel-accepted":
        if (isTerminal(record.task.state)) return;
        task.cancelAcceptedAt ??= record.at;
        task.cancelMode ??= "discard";
        return;
      case "redriven":
        task.deadMs = Math.max(task.deadMs, record.at - task.changedAt);
        task.consumedCount = 0;
        task.nextAttemptAt = undefined;
        task.cancelAcceptedAt = undefined;
        task.cancelMode = undefined;
        if (task.session !== "") this.session(task.session).lane.push(task);
        return;
      case "removed":
        task.isRemoved = true;
        task.lease = undefined;
        this.#leaveLane(task);
        return;
      case "watching":
        task.watches.set(record.watch, task.log.length);
        return;
      case "emitted":
        task.emitted.set(record.attempt, [
          ...(task.emitted.get(record.attempt) ?? []),
          record.text,
        ]);
        return;
      default:
    }
  }

  #extend(task: TaskAccount, entry: LogEntry, at: number): void {
    if (entry.sequence !== task.log.length + 1) return;
    task.log.push(entry);
    const kind = entry.event?.kind;
    if (kind?.case !== "stateChange") return;
    const { state, nextAttemptAt } = kind.value;
    task.state = state;
    task.changedAt = at;
    if (nextAttemptAt) {
      task.nextAttemptAt = Number(nextAttemptAt.seconds) * 1000 + nextAttemptAt.nanos / 1e6;
    }
    if (isTerminal(state)) this.#leaveLane(task);
  }

  #leaveLane(task: TaskAccount): void {
    const session = this.session(task.session);
    session.lane = session.lane.filter((other) => other !== task);
  }
}

/** Messages as text, for comparing conversations. */
export function textsOf(messages: readonly Message[]): string[] {
  return messages.map(({ content }) => content.map(({ part }) => textOf(part)).join(""));
}

function textOf(part: Message["content"][number]["part"]): string {
  if (part.case === "text") return part.value;
  if (part.case === "toolCall") return `<call ${part.value.id}>`;
  return part.case === "toolResult" ? `<result of ${part.value.toolCallId}>` : `<${part.case}>`;
}
