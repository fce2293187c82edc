/** Invariants 4, 5, 6, 7, 10, 13 and, of running tasks, 14: who may run a task, when, how often, and who may write. */
import { AttemptOutcome, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { HistoryRecord } from "./history.ts";
import type { Judge, Judgement } from "./history-checker.ts";
import type { TaskAccount } from "./ledger.ts";

type Claimed = Extract<HistoryRecord, { type: "claimed" }>;
type Finished = Extract<HistoryRecord, { type: "finished" }>;

const OUTCOMES: ReadonlyMap<TaskState, AttemptOutcome> = new Map([
  [TaskState.COMPLETED, AttemptOutcome.COMPLETED],
  [TaskState.INPUT_REQUIRED, AttemptOutcome.INPUT_REQUIRED],
  [TaskState.FAILED, AttemptOutcome.FAILED],
  [TaskState.RETRY_WAIT, AttemptOutcome.FAILED],
  [TaskState.CANCELED, AttemptOutcome.CANCELED],
  [TaskState.QUEUED, AttemptOutcome.RELEASED],
]);

export const judgeLease: Judge = (record, judgement) => {
  const task = "taskId" in record ? judgement.ledger.tasks.get(record.taskId) : undefined;
  if (!task) return;
  if (record.type === "claimed") judgeClaim(task, record, judgement);
  else if (record.type === "finished") judgeFinish(task, record, judgement);
  else if (record.type === "appended" && task.lease?.fence !== record.fence) {
    judgement.report(5, `${task.taskId}: an append with the void fence ${record.fence}`);
  } else if (record.type === "renewed" && task.lease?.fence !== record.fence) {
    judgement.report(4, `${task.taskId}: the void fence ${record.fence} was renewed`);
  } else if (record.type === "tool-call") judgeToolCall(task, record, judgement);
  else if (record.type === "cancel-accepted") judgeCancel(record, judgement);
};

function judgeClaim(task: TaskAccount, claim: Claimed, judgement: Judgement): void {
  const { ledger, report } = judgement;
  const { taskId, fence, at } = claim;
  if (task.isRemoved) report(4, `${taskId} was claimed after its removal`);
  if (task.lease) report(4, `${taskId} was claimed while ${task.lease.fence} holds it`);
  if (fence <= task.highestFence) report(5, `${taskId}: ${fence} after ${task.highestFence}`);
  const lane = task.session === "" ? [task] : ledger.session(task.session).lane;
  const holder = lane.find((other) => other !== task && other.lease);
  if (holder) report(4, `${taskId} was claimed while ${holder.taskId} holds its session`);
  if (lane[0] !== task) report(6, `${taskId} was claimed before ${lane[0]?.taskId}`);
  if (task.nextAttemptAt !== undefined && at < task.nextAttemptAt) {
    report(13, `${taskId} was claimed ${task.nextAttemptAt - at} ms before its time`);
  }
  if (task.cancelAcceptedAt !== undefined) report(10, `${taskId} was claimed after its cancel`);
  judgeTenant(claim, judgement);
  const { maxAttempts, attempt } = claim.task;
  if (task.consumedCount >= maxAttempts) report(7, `${taskId}: more than ${maxAttempts} attempts`);
  if (attempt !== task.claimCount + 1 || claim.attempt !== attempt) {
    report(7, `${taskId}: attempt ${attempt} after ${task.claimCount}`);
  }
}

function judgeTenant({ tenant, taskId }: Claimed, { ledger, limits, report }: Judgement): void {
  const most = limits.maxRunningTasks?.[tenant];
  if (most === undefined) return;
  const running = [...ledger.tasks.values()].filter((other) => {
    return other.tenant === tenant && other.lease && !other.isRemoved;
  });
  if (running.length < most) return;
  report(14, `${taskId} was claimed while ${running.length} tasks of ${tenant} run`);
}

function judgeFinish(task: TaskAccount, finish: Finished, judgement: Judgement): void {
  const { report } = judgement;
  const { taskId, fence } = finish;
  if (task.lease?.fence !== fence) {
    const isRepeat = fence === task.highestFence && task.finishedSequence !== undefined;
    if (!isRepeat) report(5, `${taskId}: finished with the void fence ${fence}`);
    else if (finish.task.lastSequence !== task.finishedSequence) {
      report(5, `${taskId}: a repeated finish wrote to the log`);
    }
    return;
  }
  if (finish.byExpiry && task.lease.untilMs > finish.at) {
    report(4, `${taskId}: its lease was ended ${task.lease.untilMs - finish.at} ms early`);
  }
  judgeAttempt(task, finish, judgement);
  judgeBackoff(finish, judgement);
}

function judgeAttempt(task: TaskAccount, finish: Finished, { report }: Judgement): void {
  const { attempts, consumedAttempts, maxAttempts, taskId } = finish.task;
  const last = attempts.at(-1);
  const expected = finish.byExpiry ? AttemptOutcome.LEASE_EXPIRED : OUTCOMES.get(finish.requested);
  const outcome = last?.outcome ?? AttemptOutcome.UNSPECIFIED;
  if (outcome !== expected) report(7, `${taskId}: recorded as ${AttemptOutcome[outcome]}`);
  const isSuccess =
    outcome === AttemptOutcome.COMPLETED || outcome === AttemptOutcome.INPUT_REQUIRED;
  if (!isSuccess && !last?.error) report(7, `${taskId}: an attempt ended without a cause`);
  const isDrained = last?.error?.reason === "WORKER_DRAINING";
  if (isDrained !== (outcome === AttemptOutcome.RELEASED)) {
    report(7, `${taskId}: ${AttemptOutcome[outcome]} because of ${last?.error?.reason}`);
  }
  const consumed = task.consumedCount + (isDrained ? 0 : 1);
  if (consumedAttempts !== consumed || consumed > maxAttempts) {
    report(7, `${taskId}: ${consumedAttempts} attempts consumed, not ${consumed}`);
  }
}

/** A store may count in whole milliseconds. */
const RESOLUTION_MS = 1;

function judgeBackoff({ task, at }: Finished, { limits, report }: Judgement): void {
  const { nextAttemptAt, consumedAttempts, taskId, state } = task;
  if (state !== TaskState.RETRY_WAIT || !nextAttemptAt) return;
  const delayMs = Number(nextAttemptAt.seconds) * 1000 + nextAttemptAt.nanos / 1e6 - at;
  const { initialMs, multiplier, maxMs } = limits.backoff;
  const leastMs = limits.retryAfterMs[task.error?.reason ?? ""] ?? 0;
  const boundMs = leastMs + Math.min(maxMs, initialMs * multiplier ** (consumedAttempts - 1));
  if (delayMs <= leastMs - RESOLUTION_MS || delayMs >= boundMs + RESOLUTION_MS) {
    report(13, `${taskId}: a delay of ${delayMs} ms is outside of ${leastMs}–${boundMs}`);
  }
}

function judgeToolCall(
  task: TaskAccount,
  call: Extract<HistoryRecord, { type: "tool-call" }>,
  { limits, report }: Judgement,
): void {
  if (task.state !== TaskState.CANCELED) return;
  const name = `${task.taskId}: a tool call ${call.at - task.changedAt} ms after CANCELED`;
  // An attempt that wrote its own end had stopped its agent before.
  if (task.selfEndedAttempt === call.attempt) report(10, name);
  else if (!call.excused && call.at - task.changedAt > limits.abortBoundMs) report(10, name);
}

function judgeCancel(
  { task }: Extract<HistoryRecord, { type: "cancel-accepted" }>,
  { report }: Judgement,
): void {
  if (task.state === TaskState.RUNNING && !task.cancelRequestedAt) {
    report(10, `${task.taskId}: a cancel was accepted and not recorded`);
  }
}
