/** Judges single tasks: their logs, ends, attempts, and what clients were told of them. */
import { create } from "@bufbuild/protobuf";
import { LogEntrySchema } from "../../gen/agentlane/store/v1/record_pb.js";
import {
  AttemptOutcome,
  MultitaskStrategy,
  type Task,
  TaskState,
} from "../../gen/agentlane/v1/task_pb.js";
import { isTerminal } from "../../src/tasks/task-state.ts";
import type { History, HistoryRecord } from "../simulation/history.ts";
import { checkHistory, type Violation } from "../simulation/history-checker.ts";
import { textsOf } from "../simulation/ledger.ts";
import { type Entry, resultDigest, type Submission, type Watched } from "./ledger.ts";
import { answerTo } from "./requests.ts";

export interface ObservedTask {
  readonly submission: Submission;
  readonly task: Task;
  readonly isDeadLetter: boolean;
}

/** Too large to be kept for all tasks at once. */
export interface ObservedLog extends Watched {
  readonly entries: readonly Entry[];
}

type Report = (invariant: number, message: string) => void;

/** `log` is undefined where it was not read. */
export function checkTask(observed: ObservedTask, log: ObservedLog | undefined): Violation[] {
  const violations = log ? checkHistory(historyOf(observed, log)) : [];
  const at = millisecondsOf(observed.task.finishedAt);
  const report: Report = (invariant, message) => {
    const subject = `${observed.task.taskId} (${observed.submission.text})`;
    violations.push({ invariant, at, message: `${subject}: ${message}` });
  };
  checkEnds(observed, report);
  checkAttempts(observed.task, report);
  checkReason(observed, report);
  if (log) checkLog(observed, log, report);
  return violations;
}

/** Nothing has happened to it: its log tells what its record tells. */
export function isOrdinary({ submission, task }: ObservedTask): boolean {
  const { watched, cancelWasSent } = submission;
  return task.attempt === 1 && watched.length === 0 && !cancelWasSent;
}

/** The part of a history that a log proves by itself, for the simulation's judges. */
function historyOf({ task, isDeadLetter }: ObservedTask, log: ObservedLog): History {
  const { taskId } = task;
  const tenant = "default";
  const at = millisecondsOf(task.createdAt);
  const records: HistoryRecord[] = [
    { type: "created", at, tenant, taskId, task, strategy: MultitaskStrategy.ENQUEUE },
  ];
  for (const { attempt, sequence, event } of log.entries) {
    const text = textOf(event);
    if (text !== undefined) records.push({ type: "emitted", at, taskId, attempt, text });
    const entry = create(LogEntrySchema, { attempt, sequence, ...(event && { event }) });
    records.push({ type: "entries", at, tenant, taskId, entries: [entry] });
  }
  const deadLetters = isDeadLetter ? [task] : [];
  records.push({
    type: "snapshot",
    at,
    tenants: [{ tenant, tasks: [task], deadLetters, sessions: [] }],
  });
  records.push({ type: "quiet", at });
  return { records, limits: LIMITS };
}

/** A day is longer than any run. */
const DAY_MS = 24 * 60 * 60 * 1000;
const LIMITS: History["limits"] = {
  maxQueueSize: Number.POSITIVE_INFINITY,
  idempotencyMs: DAY_MS,
  logRetentionMs: DAY_MS,
  taskRetentionMs: DAY_MS,
  deadLetterRetentionMs: DAY_MS,
  backoff: { initialMs: 0, multiplier: 1, maxMs: 0 },
  retryAfterMs: {},
  abortBoundMs: 0,
  cancelBoundMs: 0,
};

function textOf(event: Entry["event"]): string | undefined {
  if (event?.kind.case === "message") return textsOf([event.kind.value]).join("");
  if (event?.kind.case === "chunk") return event.kind.value.choices[0]?.delta?.content ?? "";
  return undefined;
}

function checkEnds({ submission, task }: ObservedTask, report: Report): void {
  const isCompleted = task.state === TaskState.COMPLETED;
  const result = isCompleted ? resultDigest(task.result) : undefined;
  for (const end of submission.ends) {
    if (end.state !== task.state) {
      report(2, `${end.by} told ${TaskState[end.state]}, it is ${TaskState[task.state]}`);
    } else if (end.result !== undefined && end.result !== result) {
      report(2, `${end.by} told another result`);
    }
  }
  const text = textsOf(task.result?.messages ?? []).join("");
  if (isCompleted && text !== answerTo(submission.request, submission.text)) {
    report(2, `its result is "${text}"`);
  }
  if (task.state === TaskState.CANCELED && !submission.cancelWasSent) {
    report(10, "nobody canceled it");
  }
}

/** One end; the attempt that succeeded said all of the answer, once; all watchers saw the same. */
function checkLog({ submission, task }: ObservedTask, log: ObservedLog, report: Report): void {
  const said = { chunk: "", message: "" };
  let endCount = 0;
  for (const { attempt, event } of log.entries) {
    const kind = event?.kind;
    if (kind?.case === "stateChange" && isTerminal(kind.value.state)) endCount++;
    if (attempt !== task.attempt || (kind?.case !== "chunk" && kind?.case !== "message")) continue;
    said[kind.case] += textOf(event) ?? "";
  }
  if (endCount !== 1) report(2, `${endCount} terminal events`);
  for (const watched of submission.watched) {
    if (watched.digest === log.digest) continue;
    report(8, `a watcher saw ${watched.count} entries that are not the log's ${log.count}`);
  }
  if (task.state !== TaskState.COMPLETED) return;
  const answer = answerTo(submission.request, submission.text);
  if (said.message !== answer) report(8, `it said "${said.message}" and not "${answer}"`);
  if (said.chunk !== "" && said.chunk !== answer) report(8, `it streamed "${said.chunk}"`);
}

function checkAttempts(task: Task, report: Report): void {
  const { attempts, consumedAttempts, maxAttempts, attempt } = task;
  const numbers = attempts.map((each) => each.attempt).join();
  const expected = Array.from({ length: attempt }, (_, index) => index + 1).join();
  if (numbers !== expected) report(7, `attempts ${numbers} of ${attempt}`);
  const consumed = attempts.filter(({ outcome }) => outcome !== AttemptOutcome.RELEASED).length;
  if (consumed !== consumedAttempts || consumed > maxAttempts) {
    report(7, `${consumedAttempts} consumed attempts, ${consumed} made, ${maxAttempts} allowed`);
  }
  for (const { attempt: number, outcome, error, finishedAt } of attempts) {
    const isSuccess = outcome === AttemptOutcome.COMPLETED;
    if (outcome === AttemptOutcome.UNSPECIFIED || !finishedAt) {
      report(7, `attempt ${number} has no end`);
    } else if (!isSuccess && !error?.reason) {
      report(7, `attempt ${number} ended as ${AttemptOutcome[outcome]} without a cause`);
    }
  }
}

/** Whatever failed was told to fail, or has lost its worker too often. */
function checkReason({ submission, task }: ObservedTask, report: Report): void {
  for (const { error, attempt, outcome } of task.attempts) {
    const reason = error?.reason ?? "";
    if (reason === "DELIVERY_RETURNED" && outcome !== AttemptOutcome.RELEASED) {
      report(7, `attempt ${attempt} was returned, and yet ${AttemptOutcome[outcome]}`);
    }
    if (!EXPECTED_REASONS.has(reason)) report(1, `attempt ${attempt}: ${reason} ${error?.message}`);
  }
  if (task.state !== TaskState.FAILED) return;
  if (task.consumedAttempts < task.maxAttempts) report(7, "failed with attempts left");
  if (submission.request.maxAttempts !== task.maxAttempts) report(7, "other maxAttempts");
}

/** DELIVERY_RETURNED: handed to a worker that had no slot after all; it consumes no attempt. */
const EXPECTED_REASONS = new Set([
  "",
  "ECHO_FAILURE",
  "LEASE_EXPIRED",
  "CANCELED",
  "DELIVERY_RETURNED",
]);

export function millisecondsOf(at: Task["createdAt"]): number {
  return at ? Number(at.seconds) * 1000 + at.nanos / 1e6 : 0;
}
