/**
 * Log entries as the functions of the store (lua/lib/core.lua) keep and publish them: byte 0 format (1), byte 1 kind, attempt (u32), instant in
 * milliseconds (f64), then by kind
 *   0  an event of the attempt: TaskEvent
 *   1  a state change: previous state, state (u8 each), next attempt (f64, 0 = none), and a
 *      TaskStateChange with the rest
 *   2  the announcement of an attempt: its worker, UTF-8
 * Decoding is a function of the bytes alone, so that every watcher sees the same.
 */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { LogEntry } from "../../gen/agentlane/store/v1/record_pb.js";
import {
  type TaskError,
  type TaskEvent,
  TaskEventSchema,
  type TaskResult,
  TaskState,
  type TaskStateChange,
  TaskStateChangeSchema,
} from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../errors.ts";
import { logEntry, stateChange } from "../store/messages.ts";
import { timestamp } from "../timestamp.ts";

const FORMAT = 1;
const HEADER_BYTES = 14;
const CHANGE_HEADER_BYTES = 24;

export function readEntry(stored: Buffer, sequence: number): LogEntry {
  if (stored.readUInt8(0) !== FORMAT) throw unreadable(stored);
  return logEntry(stored.readUInt32BE(2), sequence, readEvent(stored));
}

function readEvent(stored: Buffer): TaskEvent {
  const createdAt = timestamp(stored.readDoubleBE(6));
  switch (stored.readUInt8(1)) {
    case 0: {
      const event = fromBinary(TaskEventSchema, stored.subarray(HEADER_BYTES));
      event.createdAt ??= createdAt;
      return event;
    }
    case 1: {
      const change = readChange(stored.subarray(CHANGE_HEADER_BYTES));
      const nextAttemptAtMs = stored.readDoubleBE(16);
      if (nextAttemptAtMs > 0) change.nextAttemptAt = timestamp(nextAttemptAtMs);
      const previous = stored.readUInt8(14);
      return stateChange(createdAt, { ...change, previous, state: stored.readUInt8(15) });
    }
    case 2: {
      const workerId = stored.toString("utf8", HEADER_BYTES);
      return attemptStarted(createdAt, workerId);
    }
    default:
      throw unreadable(stored);
  }
}

export function attemptStarted(createdAt: TaskEvent["createdAt"], workerId: string): TaskEvent {
  const change = { previous: TaskState.QUEUED, state: TaskState.RUNNING, workerId };
  return stateChange(createdAt ?? timestamp(0), change);
}

/** How a task came to its state, as far as functions do not know it by themselves. */
type Outcome = Pick<TaskStateChange, "result" | "error" | "nextAttemptAt">;

export function readChange(stored: Buffer): Outcome {
  return stored.length === 0 ? {} : fromBinary(TaskStateChangeSchema, stored);
}

export function writeChange(outcome: { result?: TaskResult; error?: TaskError }): Buffer {
  return Buffer.from(
    toBinary(TaskStateChangeSchema, {
      $typeName: "agentlane.v1.TaskStateChange",
      previous: TaskState.UNSPECIFIED,
      state: TaskState.UNSPECIFIED,
      workerId: "",
      ...outcome,
    }),
  );
}

function unreadable(stored: Buffer): AgentlaneError {
  return new AgentlaneError(
    "internal",
    "STORED_FORMAT",
    `a log entry has format ${stored.readUInt8(0)}.${stored.readUInt8(1)}, which this release does not know`,
  );
}
