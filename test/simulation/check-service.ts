/** Invariants 1, 2, 3, 10, 11, 14, 15 and 18: what anybody sees at any instant, and what is left. */
import { equals } from "@bufbuild/protobuf";
import { type Task, TaskResultSchema, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { isTerminal } from "../../src/tasks/task-state.ts";
import type { HistoryRecord } from "./history.ts";
import type { Judge, Judgement } from "./history-checker.ts";
import type { TaskAccount } from "./ledger.ts";

type Snapshot = Extract<HistoryRecord, { type: "snapshot" }>;

export const judgeService: Judge = (record, judgement) => {
  const { report } = judgement;
  switch (record.type) {
    case "snapshot":
      judgeSnapshot(record, judgement);
      return;
    case "quiet":
      judgeQuiet(record.at, judgement);
      return;
    case "probe":
      if (record.found) report(15, `a stranger may ${record.what}`);
      return;
    case "problem":
      report(18, record.what);
      return;
    case "stopped":
      for (const leak of record.leaks) report(18, `left: ${leak}`);
      return;
    default:
  }
};

function judgeSnapshot(snapshot: Snapshot, judgement: Judgement): void {
  const { ledger, limits, report } = judgement;
  const seen = new Map<string, Task>();
  let unfinishedCount = 0;
  for (const { tenant, tasks, deadLetters } of snapshot.tenants) {
    for (const task of tasks) {
      const account = ledger.tasks.get(task.taskId);
      seen.set(task.taskId, task);
      // A redrive is an operator's wish, and not bounded by the limit on what clients submit.
      if (!isTerminal(task.state) && task.redriveCount === 0) unfinishedCount++;
      if (account?.tenant !== tenant) report(15, `${task.taskId} is listed for ${tenant}`);
      else judgeTask(account, task, judgement);
    }
    judgeDeadLetters(tasks, deadLetters, judgement);
  }
  if (unfinishedCount > limits.maxQueueSize) report(14, `${unfinishedCount} unfinished tasks`);
  for (const account of ledger.tasks.values()) {
    if (account.isRemoved || seen.has(account.taskId)) continue;
    if (!mayBeForgotten(account, snapshot.at, judgement)) report(3, `${account.taskId} is gone`);
  }
}

function judgeTask(account: TaskAccount, task: Task, { report }: Judgement): void {
  const { taskId } = task;
  if (account.isRemoved) report(3, `${taskId} is back`);
  if (task.state !== account.state) {
    const what = `${taskId} is ${TaskState[task.state]}, its log says ${TaskState[account.state]}`;
    report(isTerminal(account.state) ? 2 : 8, what);
  }
  if (task.lastSequence !== account.log.length) {
    report(8, `${taskId} says ${task.lastSequence}, its log has ${account.log.length} entries`);
  }
  const kind = account.log.at(-1)?.event?.kind;
  if (!isTerminal(task.state) || kind?.case !== "stateChange") return;
  const { result } = kind.value;
  const isSame =
    result === task.result ||
    (result && task.result && equals(TaskResultSchema, result, task.result));
  if (!isSame) report(2, `${taskId}: its result is not the one of its terminal event`);
}

function judgeDeadLetters(
  tasks: readonly Task[],
  deadLetters: readonly Task[],
  { report }: Judgement,
): void {
  const listed = new Set(deadLetters.map(({ taskId }) => taskId));
  for (const { taskId, state } of tasks) {
    if (listed.delete(taskId) === (state === TaskState.FAILED)) continue;
    report(11, `${taskId} is ${TaskState[state]}`);
  }
  for (const taskId of listed) report(11, `${taskId} is a dead letter and no task`);
}

function mayBeForgotten(account: TaskAccount, at: number, { limits }: Judgement): boolean {
  const { state, changedAt } = account;
  if (!isTerminal(state)) return false;
  const keptMs = state === TaskState.FAILED ? limits.deadLetterRetentionMs : limits.taskRetentionMs;
  return at >= changedAt + keptMs;
}

function judgeQuiet(at: number, { ledger, limits, past, report }: Judgement): void {
  const faults = past.find(({ type }) => type === "faults-stopped");
  for (const account of ledger.tasks.values()) {
    const { taskId, state, isRemoved, cancelAcceptedAt, changedAt } = account;
    if (isRemoved) continue;
    if (!isTerminal(state)) report(1, `${taskId} is ${TaskState[state]} at the end`);
    if (cancelAcceptedAt === undefined) continue;
    const sinceMs = Math.max(cancelAcceptedAt, faults?.at ?? at);
    if (changedAt > sinceMs + limits.cancelBoundMs) {
      report(10, `${taskId} ended ${changedAt - sinceMs} ms after its cancel`);
    }
  }
}
