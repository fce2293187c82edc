/** Judges a whole run by the invariants of the reliability guide. */
import { type Task, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Violation } from "../simulation/history-checker.ts";
import { checkSession } from "./check-sessions.ts";
import type { ObservedTask } from "./check-tasks.ts";
import { recoveryOf } from "./figures.ts";
import type { FaultLog } from "./injector.ts";
import type { Ledger, Submission } from "./ledger.ts";
import type { SessionView, View } from "./observe.ts";
import { CONSUMERS_RESUME_MS } from "./settings.ts";

export interface ObservedRun {
  readonly ledger: Ledger;
  readonly views: readonly View[];
  /** Undefined = tasks are unfinished after the bound. */
  readonly settledAfterMs: number | undefined;
  readonly tasks: readonly ObservedTask[];
  /** What is wrong with single tasks and their logs. */
  readonly taskViolations: readonly Violation[];
  readonly sessions: ReadonlyMap<string, SessionView>;
  readonly leftovers: ReadonlyMap<string, number>;
  readonly crashes: readonly string[];
}

type Report = (invariant: number, message: string) => void;

export function checkRun(run: ObservedRun): Violation[] {
  const violations = [...run.taskViolations];
  const report: Report = (invariant, message) => {
    violations.push({ invariant, at: 0, message });
  };
  if (run.settledAfterMs === undefined) report(1, "tasks are unfinished after the bound");
  if (run.views.length === 0) report(0, "no gateway has shown its tasks");
  else {
    checkAccepts(run, report);
    checkViews(run, report);
  }
  for (const [name, count] of run.leftovers) if (count > 0) report(18, `${count} ${name} left`);
  for (const problem of run.ledger.problems) report(0, problem);
  for (const crash of run.crashes) report(0, crash);
  const bySession = Map.groupBy(run.tasks, ({ task }) => task.sessionId);
  for (const [sessionId, view] of run.sessions) {
    violations.push(...checkSession(sessionId, bySession.get(sessionId) ?? [], view));
  }
  return violations;
}

/** Every submit has one task, and every task one submit. */
function checkAccepts({ ledger, views }: ObservedRun, report: Report): void {
  const listed = new Map((views[0]?.tasks ?? []).map((task) => [task.taskId, task]));
  const owners = new Map<string, Submission>();
  for (const submission of ledger.submissions) {
    const { text, taskIds } = submission;
    if (taskIds.size !== 1) report(9, `${text} has the tasks ${[...taskIds].join()}`);
    for (const taskId of taskIds) {
      const task = listed.get(taskId);
      if (!task) report(3, `${taskId} (${text}) is lost`);
      else if (task.idempotencyKey !== submission.request.idempotencyKey) {
        report(9, `${taskId} (${text}) has the key ${task.idempotencyKey}`);
      }
      if (owners.has(taskId)) report(9, `${taskId} is of ${text} and of another`);
      owners.set(taskId, submission);
    }
  }
  for (const [taskId, task] of listed) {
    if (!owners.has(taskId)) report(9, `nobody has heard of ${taskId} (${task.idempotencyKey})`);
  }
}

function checkViews({ views }: ObservedRun, report: Report): void {
  const [first] = views;
  for (const view of views) {
    for (const [name, digest] of Object.entries(view.digests)) {
      if (first?.digests[name] !== digest) report(3, `${name} differs between gateways`);
    }
  }
  const failed = (first?.tasks ?? []).filter(({ state }) => state === TaskState.FAILED);
  if (idsOf(failed) !== idsOf(first?.deadLetters ?? [])) {
    report(11, `${failed.length} failed tasks, ${first?.deadLetters.length} dead letters`);
  }
  const completedCount = (first?.tasks.length ?? 0) - failed.length;
  const counted = first?.stats.reduce((sum, { completedMessages }) => {
    return sum + Number(completedMessages);
  }, 0);
  if (counted !== completedCount) report(5, `${completedCount} completed, ${counted} counted`);
  for (const { queueName, pendingMessages, processingMessages, waitingMessages } of first?.stats ??
    []) {
    const count = pendingMessages + processingMessages + waitingMessages;
    if (count > 0) report(18, `${count} messages are left in ${queueName}`);
  }
}

function idsOf(tasks: readonly Task[]): string {
  return tasks
    .map(({ taskId }) => taskId)
    .sort()
    .join();
}

/** Consumers that have survived an outage of the backend take tasks again soon after it. */
export function checkRecovery(tasks: readonly ObservedTask[], faults: FaultLog): Violation[] {
  return recoveryOf(tasks, faults)
    .consumersMs.filter((ms) => ms > CONSUMERS_RESUME_MS)
    .map((ms) => ({ invariant: 0, at: 0, message: `a worker claimed ${ms} ms after an outage` }));
}
