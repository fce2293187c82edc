/** Invariants 2 and 8: one dense log a task, the same for every watcher, ending in its terminal event. */
import { equals } from "@bufbuild/protobuf";
import type { LogEntry } from "../../gen/agentlane/store/v1/record_pb.js";
import { type TaskEvent, TaskEventSchema, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { isTerminal } from "../../src/tasks/task-state.ts";
import type { HistoryRecord, WatchRecord } from "./history.ts";
import type { Judge, Judgement } from "./history-checker.ts";
import { type TaskAccount, textsOf } from "./ledger.ts";

type Entries = Extract<HistoryRecord, { type: "entries" }>;

const NEXT_STATES: ReadonlyMap<TaskState, readonly TaskState[]> = new Map([
  [TaskState.QUEUED, [TaskState.RUNNING, TaskState.CANCELED, TaskState.FAILED]],
  [
    TaskState.RUNNING,
    [
      TaskState.COMPLETED,
      TaskState.INPUT_REQUIRED,
      TaskState.FAILED,
      TaskState.CANCELED,
      TaskState.RETRY_WAIT,
      TaskState.QUEUED,
    ],
  ],
  [TaskState.RETRY_WAIT, [TaskState.QUEUED, TaskState.CANCELED, TaskState.FAILED]],
  [TaskState.FAILED, [TaskState.QUEUED]],
]);

export const judgeLog: Judge = (record, judgement) => {
  const task = "taskId" in record ? judgement.ledger.tasks.get(record.taskId) : undefined;
  if (record.type === "entries") {
    if (task) judgeEntries(task, record, judgement);
    else judgement.report(8, `log of task ${record.taskId}, which nobody accepted`);
  } else if (record.type === "watched" && task) {
    judgeWatch(task, record, judgement);
  }
};

function judgeEntries(task: TaskAccount, record: Entries, judgement: Judgement): void {
  const log = [...task.log];
  let { state } = task;
  for (const entry of record.entries) {
    const written = log[entry.sequence - 1];
    if (written) {
      if (!sameEntry(written, entry)) {
        judgement.report(8, `${task.taskId}/${entry.sequence} was written twice`);
      }
      continue;
    }
    if (entry.sequence !== log.length + 1) {
      judgement.report(8, `${task.taskId}: ${entry.sequence} follows ${log.length}`);
      return;
    }
    judgeOrder(task, log.at(-1), state, entry, judgement);
    log.push(entry);
    state = stateOf(entry) ?? state;
    judgeOutput(task, log, entry, judgement);
  }
}

function judgeOrder(
  task: TaskAccount,
  previous: LogEntry | undefined,
  state: TaskState,
  entry: LogEntry,
  { report }: Judgement,
): void {
  const name = `${task.taskId}/${entry.sequence}`;
  const next = stateOf(entry);
  if (previous && entry.attempt < previous.attempt) report(8, `${name}: attempts go back`);
  if (previous && entry.attempt > previous.attempt && next !== TaskState.RUNNING) {
    report(8, `${name}: attempt ${entry.attempt} was not announced`);
  }
  if (!previous) {
    if (next !== TaskState.QUEUED) report(8, `${name}: the log does not begin with QUEUED`);
  } else if (next !== undefined && !NEXT_STATES.get(state)?.includes(next)) {
    const what = `${name}: ${TaskState[state]} → ${TaskState[next]}`;
    report(isTerminal(state) ? 2 : 8, what);
  } else if (next === undefined && state !== TaskState.RUNNING) {
    report(8, `${name}: an event in state ${TaskState[state]}`);
  }
}

/** An attempt's events are what its agent emitted, in order, nothing twice; all of it when it succeeds. */
function judgeOutput(
  task: TaskAccount,
  log: readonly LogEntry[],
  entry: LogEntry,
  { report }: Judgement,
): void {
  const { attempt } = entry;
  const text = textOf(entry.event);
  const emitted = task.emitted.get(attempt) ?? [];
  const state = stateOf(entry);
  if (text === undefined && !isSuccess(state)) return;
  const texts = log
    .filter((other) => other.attempt === attempt)
    .map(({ event }) => textOf(event))
    .filter((each) => each !== undefined);
  if (text !== undefined && emitted[texts.length - 1] !== text) {
    report(8, `${task.taskId}/${entry.sequence}: "${text}" is not what the agent emitted next`);
  }
  if (isSuccess(state) && texts.length !== emitted.length) {
    report(8, `${task.taskId}: ${texts.length} of ${emitted.length} events of attempt ${attempt}`);
  }
}

function judgeWatch(task: TaskAccount, watch: WatchRecord, judgement: Judgement): void {
  const { report, limits } = judgement;
  const name = `a watch of ${task.taskId} after ${watch.after}`;
  let covered = watch.after;
  for (const { sequence, mergedCount, attempt, event } of watch.entries) {
    if (sequence - mergedCount !== covered + 1) report(8, `${name}: ${sequence} after ${covered}`);
    const logged = task.log.slice(covered, sequence);
    covered = sequence;
    const last = logged.at(-1);
    if (!last || last.attempt !== attempt || !sameOutput(logged, event)) {
      report(8, `${name}: ${sequence} differs from the log`);
    }
  }
  const knownCount = task.watches.get(watch.watch) ?? 0;
  const lastState = task.log[covered - 1];
  const keptMs = limits.logRetentionMs;
  const endedMs = Math.max(task.deadMs, watch.at - task.changedAt);
  const mayBeGone = task.isRemoved || endedMs >= keptMs;
  if (watch.end === "ended") {
    const last = lastState && stateOf(lastState);
    const isEnd = last !== undefined && isTerminal(last) && covered >= knownCount;
    if (!isEnd) report(8, `${name} ended at ${covered}`);
  } else if (watch.end === "out_of_range") {
    if (covered <= knownCount && !mayBeGone) report(8, `${name}: out of range at ${covered}`);
  } else if (watch.end === "not_found") {
    if (!mayBeGone) report(3, `${name}: not found`);
  } else if (watch.end !== "cut" && watch.end !== "unavailable") {
    if (watch.end !== "resource_exhausted") report(8, `${name}: ${watch.end}`);
  }
}

function sameOutput(logged: readonly LogEntry[], event: TaskEvent): boolean {
  const [first] = logged;
  if (logged.length === 1 && first?.event) return sameEvent(first.event, event);
  return textOf(event) === logged.map((entry) => textOf(entry.event)).join("");
}

function sameEntry(a: LogEntry, b: LogEntry): boolean {
  return a === b || (a.attempt === b.attempt && sameEvent(a.event, b.event));
}

export function sameEvent(a: TaskEvent | undefined, b: TaskEvent | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && equals(TaskEventSchema, a, b));
}

function stateOf({ event }: LogEntry): TaskState | undefined {
  return event?.kind.case === "stateChange" ? event.kind.value.state : undefined;
}

function isSuccess(state: TaskState | undefined): boolean {
  return state === TaskState.COMPLETED || state === TaskState.INPUT_REQUIRED;
}

function textOf(event: TaskEvent | undefined): string | undefined {
  if (event?.kind.case === "message") return textsOf([event.kind.value]).join("");
  if (event?.kind.case === "chunk") return event.kind.value.choices[0]?.delta?.content ?? "";
  return undefined;
}
