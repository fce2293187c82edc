/** What the entries of the SQLite store look like from outside. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type QueueMessage,
  QueueMessageSchema,
  type TaskRecord,
  TaskRecordSchema,
} from "../../../gen/agentlane/store/v1/record_pb.js";
import { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../../errors.ts";
import { timestamp } from "../../timestamp.ts";
import type { Reading, TaskEntry } from "./state.ts";

export function doorbell(op: Reading, entry: TaskEntry): QueueMessage {
  const stored = op.sql.doorbell.get(entry.id);
  if (!stored) throw submissionMissing(entry.taskId);
  return readDoorbell(op, entry, stored.doorbell);
}

export function readDoorbell(
  { sql, now }: Reading,
  { tenant, agentId, sessionId }: Pick<TaskEntry, "tenant" | "agentId" | "sessionId">,
  stored: Uint8Array,
): QueueMessage {
  const message = fromBinary(QueueMessageSchema, stored);
  if (sessionId !== "") {
    message.preferredWorkerId =
      sql.sessionMeta.get(tenant, agentId, sessionId)?.last_worker_id ?? "";
  }
  message.publishedAt = now;
  return message;
}

/** What never changes of the doorbells of a task. */
export function writeDoorbell(
  { tenant, task, traceHeaders }: TaskRecord,
  hasQuota: boolean,
): Uint8Array {
  return toBinary(QueueMessageSchema, {
    $typeName: "agentlane.store.v1.QueueMessage",
    tenant,
    taskId: task?.taskId ?? "",
    queue: task?.queue ?? "",
    // Between tenants weight decides, not priority.
    priority: hasQuota ? Priority.NORMAL : (task?.priority ?? 0),
    traceHeaders,
    preferredWorkerId: "",
  });
}

/** What never changes of a record, apart from its task. */
export function writeRecord(record: TaskRecord): Uint8Array {
  const { task: _, ...rest } = record;
  return toBinary(TaskRecordSchema, rest);
}

export function recordOf({ sql }: Reading, entry: TaskEntry): TaskRecord {
  const stored = sql.submission.get(entry.id);
  if (!stored) throw submissionMissing(entry.taskId);
  const record = fromBinary(TaskRecordSchema, stored.record);
  record.task = entry.task;
  record.fence = BigInt(entry.fence);
  record.cancelMode = entry.cancelMode;
  record.cancelReason = entry.cancelReason;
  record.published = entry.published;
  if (entry.leaseEndsAtMs !== null) record.leaseExpiresAt = timestamp(entry.leaseEndsAtMs);
  return record;
}

function submissionMissing(taskId: string): AgentlaneError {
  return new AgentlaneError("internal", "STORED_FORMAT", `the submission of ${taskId} is missing`);
}
