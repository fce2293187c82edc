/**
 * Messages that stores write themselves, as object literals: `create` of the Protobuf library walks
 * the descriptor, which would dominate the hot operations. The types keep them complete.
 */

import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { CancelMode, type LogEntry, type Notice } from "../../gen/agentlane/store/v1/record_pb.js";
import {
  type Attempt,
  AttemptOutcome,
  type TaskError,
  type TaskEvent,
  TaskState,
  type TaskStateChange,
} from "../../gen/agentlane/v1/task_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";
import type { Ending, SessionRef, TaskRef } from "./contract.ts";

export function stateChange(
  createdAt: Timestamp,
  change: Omit<TaskStateChange, "$typeName" | "workerId"> & { workerId?: string },
): TaskEvent {
  return {
    $typeName: "agentlane.v1.TaskEvent",
    createdAt,
    kind: {
      case: "stateChange",
      value: { $typeName: "agentlane.v1.TaskStateChange", workerId: "", ...change },
    },
  };
}

export function logEntry(attempt: number, sequence: number, event: TaskEvent): LogEntry {
  return { $typeName: "agentlane.store.v1.LogEntry", attempt, sequence, event };
}

export function startedAttempt(
  attempt: number,
  workerId: string,
  spanId: string,
  startedAt: Timestamp,
): Attempt {
  return {
    $typeName: "agentlane.v1.Attempt",
    attempt,
    workerId,
    startedAt,
    outcome: AttemptOutcome.UNSPECIFIED,
    spanId,
  };
}

export function canceledError(reason: string): TaskError {
  return taskError(Code.CANCELLED, "CANCELED", reason || "canceled by the client");
}

export function deadlineError(): TaskError {
  return taskError(
    Code.DEADLINE_EXCEEDED,
    "DEADLINE_EXCEEDED",
    "the task's deadline passed before it finished",
  );
}

/** Of a task that was handed to a worker which takes nothing any more. */
export function notTakenError(): TaskError {
  return taskError(
    Code.UNAVAILABLE,
    "DELIVERY_RETURNED",
    "the worker that it was handed to took no more",
  );
}

function taskError(code: Code, reason: string, message: string): TaskError {
  return {
    $typeName: "agentlane.v1.TaskError",
    code,
    reason,
    message,
    retryable: false,
    causes: [],
    fieldViolations: {},
  };
}

export function entriesNotice({ tenant, taskId }: TaskRef, entries: LogEntry[]): Notice {
  return notice(tenant, taskId, {
    case: "entries",
    value: { $typeName: "agentlane.store.v1.LogEntries", entries, lastSequence: 0 },
  });
}

/** Of entries that are too large to be told: where the log ends now. */
export function grownNotice({ tenant, taskId }: TaskRef, lastSequence: number): Notice {
  return notice(tenant, taskId, {
    case: "entries",
    value: { $typeName: "agentlane.store.v1.LogEntries", entries: [], lastSequence },
  });
}

export function cancelNotice(
  { tenant, taskId }: TaskRef,
  mode: CancelMode,
  reason: string,
): Notice {
  return notice(tenant, taskId, {
    case: "cancelRequested",
    value: { $typeName: "agentlane.store.v1.CancelRequested", mode, reason },
  });
}

export function sessionReplacedNotice({ tenant, agentId, sessionId }: SessionRef): Notice {
  return notice(tenant, "", {
    case: "sessionReplaced",
    value: { $typeName: "agentlane.store.v1.SessionReplaced", agentId, sessionId },
  });
}

function notice(tenant: string, taskId: string, kind: Notice["kind"]): Notice {
  return { $typeName: "agentlane.store.v1.Notice", tenant, taskId, kind };
}

/** How the attempt of an ending is recorded. */
export function outcomeOf(ending: Ending): AttemptOutcome {
  if ("leaseExpired" in ending && ending.leaseExpired) return AttemptOutcome.LEASE_EXPIRED;
  switch (ending.state) {
    case TaskState.COMPLETED:
      return AttemptOutcome.COMPLETED;
    case TaskState.INPUT_REQUIRED:
      return AttemptOutcome.INPUT_REQUIRED;
    case TaskState.CANCELED:
      return AttemptOutcome.CANCELED;
    case TaskState.QUEUED:
      return AttemptOutcome.RELEASED;
    default:
      return AttemptOutcome.FAILED;
  }
}

/** A task whose cancel was requested never runs again, whatever its attempt asks for. */
export function endingOf(
  cancel: { readonly cancelMode: CancelMode; readonly cancelReason: string },
  requested: Ending,
): Ending {
  const again = requested.state === TaskState.QUEUED || requested.state === TaskState.RETRY_WAIT;
  if (!again || cancel.cancelMode === CancelMode.UNSPECIFIED) return requested;
  return { state: TaskState.CANCELED, error: canceledError(cancel.cancelReason) };
}
