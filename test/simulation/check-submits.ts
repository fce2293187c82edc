/** Invariants 9 and 14: what submits are answered. */
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { HistoryRecord } from "./history.ts";
import type { Judge, Judgement } from "./history-checker.ts";

type Submit = Extract<HistoryRecord, { type: "submit" }>;
type Refused = Extract<HistoryRecord, { type: "refused" }>;

const EXPECTED_REFUSALS = new Set([
  "QUEUE_FULL",
  "SESSION_BUSY",
  "IDEMPOTENCY_CONFLICT",
  "TOO_MANY_WATCHERS",
  "FAULT",
]);

export const judgeSubmit: Judge = (record, judgement) => {
  if (record.type === "created") judgeCreated(record, judgement);
  else if (record.type === "submitted") judgeSubmitted(record.call, record.taskId, judgement);
  else if (record.type === "refused") judgeRefused(record, judgement);
};

/** A key that is remembered leads to one task, whoever learned of it. */
function judgeCreated(
  { taskId, tenant, task, at }: Extract<HistoryRecord, { type: "created" }>,
  { ledger, limits, report }: Judgement,
): void {
  const unfinishedCount = ledger.unfinishedCount();
  if (unfinishedCount >= limits.maxQueueSize) report(14, `accepted as ${unfinishedCount + 1}th`);
  if (task.idempotencyKey === "") return;
  for (const other of ledger.tasks.values()) {
    if (other.tenant !== tenant || other.isRemoved) continue;
    if (other.accepted.idempotencyKey !== task.idempotencyKey) continue;
    if (at < other.createdAt + limits.idempotencyMs) {
      report(9, `${taskId} has the idempotency key of ${other.taskId}`);
    }
  }
}

function judgeSubmitted(call: number, taskId: string, { past, ledger, report }: Judgement): void {
  const submit = findSubmit(past, call);
  const task = ledger.tasks.get(taskId);
  if (!task) report(3, `${taskId} was accepted, and is in no store`);
  else if (task.tenant !== submit?.tenant) report(15, `${taskId} belongs to ${task.tenant}`);
  else if (submit.idempotencyKey !== task.accepted.idempotencyKey) {
    report(9, `${taskId} answers another key than ${submit.idempotencyKey}`);
  } else if (task.accepted.metadata.marker !== submit.request.split(" ")[1]) {
    report(9, `${taskId} answers another request than ${submit.request}`);
  }
}

function judgeRefused(refused: Refused, { past, ledger, limits, report }: Judgement): void {
  const submit = findSubmit(past, refused.call);
  if (!submit || refused.kind === "unavailable") return;
  const { reason } = refused;
  if (!EXPECTED_REFUSALS.has(reason)) report(14, `refused: ${refused.kind} ${reason}`);
  if (reason === "QUEUE_FULL" && mostUnfinished(past, submit, ledger) < limits.maxQueueSize) {
    report(14, `refused as full with ${ledger.unfinishedCount()} unfinished tasks`);
  }
  if (reason !== "IDEMPOTENCY_CONFLICT") return;
  const others = [...ledger.tasks.values()].filter(
    ({ tenant, accepted }) =>
      tenant === submit.tenant &&
      accepted.idempotencyKey === submit.idempotencyKey &&
      accepted.metadata.marker !== submit.request.split(" ")[1],
  );
  if (others.length === 0) report(9, `${submit.idempotencyKey} conflicts with itself`);
}

/** An upper bound of the unfinished tasks at any instant of the call. */
function mostUnfinished(
  past: readonly HistoryRecord[],
  submit: Submit,
  { tasks }: Judgement["ledger"],
): number {
  const endedMeanwhile = past.filter(
    (record) => record.at >= submit.at && record.type === "entries" && isEnd(record),
  ).length;
  let unfinishedCount = 0;
  for (const { state } of tasks.values()) if (state < TaskState.COMPLETED) unfinishedCount++;
  return unfinishedCount + endedMeanwhile;
}

function isEnd({ entries }: Extract<HistoryRecord, { type: "entries" }>): boolean {
  const kind = entries.at(-1)?.event?.kind;
  return kind?.case === "stateChange" && kind.value.state >= TaskState.COMPLETED;
}

function findSubmit(past: readonly HistoryRecord[], call: number): Submit | undefined {
  for (const record of past) if (record.type === "submit" && record.call === call) return record;
  return undefined;
}
