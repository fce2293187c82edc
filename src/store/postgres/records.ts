/** Tasks and records, put together from the columns that the functions keep apart. */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CancelMode,
  type TaskRecord,
  TaskRecordSchema,
} from "../../../gen/agentlane/store/v1/record_pb.js";
import {
  type Attempt,
  type Task,
  TaskErrorSchema,
  TaskSchema,
  TaskState,
} from "../../../gen/agentlane/v1/task_pb.js";
import { timestamp } from "../../timestamp.ts";
import { readChange } from "./entries.ts";
import { writeText } from "./names.ts";
import { Fields } from "./reply.ts";

/** A row of the view shown_tasks. */
export function readTask(row: Fields): Task {
  const task = fromBinary(TaskSchema, row.bytes("submitted"));
  task.state = row.number("state");
  task.attempt = row.number("attempt");
  task.consumedAttempts = row.number("consumed_attempts");
  task.redriveCount = row.number("redrive_count");
  task.lastSequence = row.number("last_sequence");
  task.attempts = row.list("attempts").map(readAttempt);
  setInstants(task, row);
  if (task.state !== TaskState.QUEUED && task.state !== TaskState.RUNNING) {
    const { result, error } = readChange(row.bytes("outcome"));
    if (result) task.result = result;
    if (error) task.error = error;
  }
  return task;
}

function setInstants(task: Task, row: Fields): void {
  const createdAt = row.instant("created_at");
  const startedAt = row.instant("started_at");
  const finishedAt = row.instant("finished_at");
  const nextAttemptAt = row.instant("next_attempt_at");
  const deadline = row.instant("deadline_at");
  const cancelRequestedAt = row.instant("cancel_requested_at");
  if (createdAt) task.createdAt = createdAt;
  if (startedAt) task.startedAt = startedAt;
  if (finishedAt) task.finishedAt = finishedAt;
  if (nextAttemptAt) task.nextAttemptAt = nextAttemptAt;
  if (deadline) task.deadline = deadline;
  if (cancelRequestedAt) task.cancelRequestedAt = cancelRequestedAt;
}

/** {attempt, started_at, worker_id, span_id}, and once it has ended finished_at, outcome, error. */
function readAttempt(answer: unknown): Attempt {
  const stored = new Fields(answer);
  const finishedAt = stored.instant("finished_at");
  const failure = stored.bytes("error");
  return {
    $typeName: "agentlane.v1.Attempt",
    attempt: stored.number("attempt"),
    workerId: stored.text("worker_id"),
    startedAt: timestamp(stored.number("started_at")),
    outcome: stored.number("outcome"),
    spanId: stored.text("span_id"),
    ...(finishedAt && { finishedAt }),
    ...(failure.length > 0 && { error: fromBinary(TaskErrorSchema, failure) }),
  };
}

/** What never changes of a record, apart from its task. */
export function writeRecord(record: TaskRecord): Buffer {
  const { task: _, ...rest } = record;
  return Buffer.from(toBinary(TaskRecordSchema, { ...rest, traceHeaders: {} }));
}

export function writeTask(task: Task): Buffer {
  return Buffer.from(toBinary(TaskSchema, task));
}

/** A row of the view task_records. */
export function readRecord(row: Fields, published = row.flag("published")): TaskRecord {
  const record = fromBinary(TaskRecordSchema, row.bytes("record"));
  const leaseExpiresAt = row.instant("lease_expires_at");
  record.task = readTask(row);
  record.traceHeaders = readHeaders(row.text("trace_headers"));
  record.fence = BigInt(row.number("fence"));
  record.cancelMode = row.number("cancel_mode") || CancelMode.UNSPECIFIED;
  record.cancelReason = row.text("cancel_reason");
  record.published = published;
  if (leaseExpiresAt) record.leaseExpiresAt = leaseExpiresAt;
  return record;
}

/** Trace headers as JSON; empty without any. */
export function writeHeaders(headers: Readonly<Record<string, string>>): string {
  return Object.keys(headers).length === 0 ? "" : writeText(JSON.stringify(headers));
}

export function readHeaders(stored: string): Record<string, string> {
  return stored === "" ? {} : JSON.parse(stored);
}

/** As the column metadata holds them, and as it is asked for; null without any. */
export function writeMetadata(metadata: Readonly<Record<string, string>>): string | null {
  const entries = Object.entries(metadata).map((pair) => pair.map(writeText));
  return entries.length === 0 ? null : JSON.stringify(Object.fromEntries(entries));
}
