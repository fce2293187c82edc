/** Judges conversations: whole turns, each once, in the order of their accepts, one at a time. */
import { type Task, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Violation } from "../simulation/history-checker.ts";
import { textsOf } from "../simulation/ledger.ts";
import { millisecondsOf, type ObservedTask } from "./check-tasks.ts";
import type { SessionView } from "./observe.ts";
import { answerTo } from "./requests.ts";

type Report = (invariant: number, message: string) => void;

export function checkSession(
  sessionId: string,
  tasks: readonly ObservedTask[],
  view: SessionView,
): Violation[] {
  const violations: Violation[] = [];
  const report: Report = (invariant, message) => {
    violations.push({ invariant, at: 0, message: `session ${sessionId}: ${message}` });
  };
  checkHistory(tasks, view, report);
  checkOrder(tasks, report);
  checkLane(tasks, report);
  for (const taskId of view.unfinishedTaskIds) report(1, `${taskId} is left in its lane`);
  return violations;
}

function committed(tasks: readonly ObservedTask[]): ObservedTask[] {
  const version = ({ task }: ObservedTask): number => Number(task.result?.sessionVersion ?? 0n);
  return tasks
    .filter(({ task }) => task.state === TaskState.COMPLETED)
    .sort((one, other) => version(one) - version(other));
}

/** The conversation is exactly the completed turns, in the order of their commits. */
function checkHistory(tasks: readonly ObservedTask[], { context }: SessionView, report: Report) {
  const turns = committed(tasks);
  const version = Number(context?.version ?? 0n);
  if (version !== turns.length) report(12, `version ${version} after ${turns.length} turns`);
  for (const [index, { task }] of turns.entries()) {
    const told = Number(task.result?.sessionVersion ?? 0n);
    if (told !== index + 1) report(12, `${task.taskId} made version ${told}, not ${index + 1}`);
  }
  const history = textsOf(context?.history ?? []);
  const expected = turns.flatMap(({ submission: { request, text } }) => [
    text,
    answerTo(request, text),
  ]);
  if (history.length !== expected.length) {
    report(12, `${history.length} messages, not ${expected.length}`);
  }
  const wrong = expected.findIndex((text, index) => history[index] !== text);
  if (wrong >= 0) report(12, `message ${wrong} is "${history[wrong]}", not "${expected[wrong]}"`);
}

/** A turn that was asked for after another was known to be accepted commits after it. */
function checkOrder(tasks: readonly ObservedTask[], report: Report): void {
  let earliestAccept = Number.POSITIVE_INFINITY;
  for (const { submission } of committed(tasks).reverse()) {
    if (earliestAccept < submission.sentAt) {
      report(6, `${submission.text} was committed before one that was accepted earlier`);
    }
    earliestAccept = Math.min(earliestAccept, submission.acceptedAt);
  }
}

interface Run {
  readonly task: Task;
  readonly from: number;
  readonly to: number;
}

/** One attempt at a time, and a task is left only when it has ended. */
function checkLane(tasks: readonly ObservedTask[], report: Report): void {
  const runs = tasks
    .flatMap(({ task }) =>
      task.attempts.map(({ startedAt, finishedAt }): Run => {
        return { task, from: millisecondsOf(startedAt), to: millisecondsOf(finishedAt) };
      }),
    )
    .sort((one, other) => one.from - other.from || one.to - other.to);
  const left = new Set<Task>();
  let before: Run | undefined;
  for (const run of runs) {
    if (before && run.from < before.to) {
      report(4, `${run.task.taskId} runs together with ${before.task.taskId}`);
    }
    if (before && run.task !== before.task) left.add(before.task);
    if (left.has(run.task)) report(6, `${run.task.taskId} lost its place in the lane`);
    before = run;
  }
}
