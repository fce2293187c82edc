/** What the entries of the memory store look like from outside. */

import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { QueueMessage, TaskRecord } from "../../../gen/agentlane/store/v1/record_pb.js";
import { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import { timestamp } from "../../timestamp.ts";
import type { TaskRef } from "../contract.ts";
import type { TaskEntry } from "./state.ts";

export function refOf({ table, task }: TaskEntry): TaskRef {
  return { tenant: table.tenant, taskId: task.taskId };
}

export function doorbell(entry: TaskEntry, publishedAt: Timestamp): QueueMessage {
  const { task, submitted, table, session, counted } = entry;
  return {
    $typeName: "agentlane.store.v1.QueueMessage",
    tenant: table.tenant,
    taskId: task.taskId,
    queue: task.queue,
    priority: counted ? Priority.NORMAL : task.priority,
    traceHeaders: submitted.traceHeaders,
    preferredWorkerId: session.lastWorkerId,
    publishedAt,
  };
}

export function recordOf(entry: TaskEntry): TaskRecord {
  const { submitted, task, fence, leaseExpiresAtMs, cancelMode, cancelReason, published } = entry;
  const record = { ...submitted, task, fence, cancelMode, cancelReason, published };
  if (leaseExpiresAtMs > 0) record.leaseExpiresAt = timestamp(leaseExpiresAtMs);
  return record;
}
