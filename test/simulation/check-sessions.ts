/** Invariants 6, 10, 12 and 17: a session grows by whole turns, in order, and is the same everywhere. */
import type { ExecutionContext } from "../../gen/agentlane/v1/session_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { repairHistory } from "../../src/executor/execution-context.ts";
import type { HistoryRecord } from "./history.ts";
import type { Judge, Judgement } from "./history-checker.ts";
import { type TaskAccount, textsOf } from "./ledger.ts";

type Finished = Extract<HistoryRecord, { type: "finished" }>;
type Turn = Extract<HistoryRecord, { type: "turn" }>;
type Snapshot = Extract<HistoryRecord, { type: "snapshot" }>;

export const judgeSession: Judge = (record, judgement) => {
  if (record.type === "snapshot") judgeSnapshot(record, judgement);
  const task = "taskId" in record ? judgement.ledger.tasks.get(record.taskId) : undefined;
  if (record.type === "turn") judgeTurn(task, record, judgement);
  if (record.type === "finished" && task) judgeCommit(task, record, judgement);
};

function judgeCommit(task: TaskAccount, finish: Finished, { ledger, report }: Judgement): void {
  const { session, taskId } = finish;
  if (!session || task.lease?.fence !== finish.fence) return;
  const { lane, context } = ledger.session(task.session);
  if (lane[0] !== task) report(6, `${taskId} commits before ${lane[0]?.taskId}`);
  const version = (context?.version ?? 0n) + 1n;
  if (session.version !== version)
    report(12, `${taskId} commits ${session.version}, not ${version}`);
  const before = textsOf(context?.history ?? []);
  const after = textsOf(session.history);
  if (!startsWith(after, before)) report(12, `${taskId} rewrites the conversation`);
  const added = after.slice(before.length);
  const own = `:${task.accepted.metadata.marker}`;
  for (const text of added) {
    // A request may come again as another task; what a task says is its own.
    if (!text.startsWith("in:") && before.includes(text))
      report(12, `${taskId}: "${text}" is there twice`);
  }
  if (added.filter((text) => text === `in${own}`).length > 1) report(12, `${taskId}: input twice`);
  if (repairHistory(session.history).length !== session.history.length) {
    report(12, `${taskId} commits a tool call without its result`);
  }
  const mayCommit =
    finish.requested === TaskState.COMPLETED ||
    finish.requested === TaskState.INPUT_REQUIRED ||
    (finish.requested === TaskState.CANCELED && task.cancelMode === "keep");
  if (!mayCommit) report(10, `${taskId}: ${TaskState[finish.requested]} commits to its session`);
}

/** A turn starts from what was committed when it was claimed. */
function judgeTurn(task: TaskAccount | undefined, turn: Turn, { report }: Judgement): void {
  if (!task?.contexts.has(turn.attempt)) {
    report(4, `${turn.taskId}: attempt ${turn.attempt} runs without a claim`);
    return;
  }
  const claimed = task.session === "" ? undefined : task.contexts.get(turn.attempt);
  if (!sameContext(claimed, turn.context)) {
    report(17, `${turn.taskId}: attempt ${turn.attempt} starts from another conversation`);
  }
}

function judgeSnapshot({ tenants }: Snapshot, { ledger, report }: Judgement): void {
  for (const { tenant, sessions } of tenants) {
    for (const { summary, context } of sessions) {
      const name = `${tenant}/${summary.agentId}#${summary.sessionId}`;
      const committed = ledger.session(name).context;
      if (!context || summary.version !== context.version) report(12, `${name} cannot be loaded`);
      if (!sameContext(committed, context)) {
        report(12, `${name} is at ${context?.version}, ${committed?.version} was committed`);
      }
    }
  }
}

function sameContext(a: ExecutionContext | undefined, b: ExecutionContext | undefined): boolean {
  if ((a?.version ?? 0n) !== (b?.version ?? 0n)) return false;
  const left = textsOf(a?.history ?? []);
  const right = textsOf(b?.history ?? []);
  return left.length === right.length && startsWith(left, right);
}

function startsWith(texts: readonly string[], start: readonly string[]): boolean {
  return start.every((text, index) => texts[index] === text);
}
