/**
 * Log entries as migrations/0001-tables.sql describes them. Decoding is a function of the row alone, so
 * that every watcher sees the same.
 */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { LogEntry } from "../../../gen/agentlane/store/v1/record_pb.js";
import {
  type TaskError,
  type TaskEvent,
  TaskEventSchema,
  type TaskResult,
  TaskState,
  type TaskStateChange,
  TaskStateChangeSchema,
} from "../../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../../errors.ts";
import { timestamp } from "../../timestamp.ts";
import { logEntry, stateChange } from "../messages.ts";
import { Fields } from "./reply.ts";

export function readEntry(answer: unknown): LogEntry {
  const row = new Fields(answer);
  return logEntry(row.number("attempt"), row.number("sequence"), readEvent(row));
}

function readEvent(row: Fields): TaskEvent {
  const createdAt = timestamp(row.number("created_at"));
  const body = row.bytes("body");
  switch (row.number("kind")) {
    case 0: {
      const event = fromBinary(TaskEventSchema, body);
      event.createdAt ??= createdAt;
      return event;
    }
    case 1: {
      const nextAttemptAt = row.instant("next_attempt_at");
      return stateChange(createdAt, {
        ...readChange(body),
        ...(nextAttemptAt && { nextAttemptAt }),
        previous: row.number("previous"),
        state: row.number("state"),
      });
    }
    case 2:
      return attemptStarted(createdAt, body.toString());
    default:
      throw unreadable(row.number("kind"));
  }
}

export function attemptStarted(createdAt: TaskEvent["createdAt"], workerId: string): TaskEvent {
  const change = { previous: TaskState.QUEUED, state: TaskState.RUNNING, workerId };
  return stateChange(createdAt ?? timestamp(0), change);
}

export function writeEvent(event: TaskEvent): Buffer {
  return Buffer.from(toBinary(TaskEventSchema, event));
}

/** How a task came to its state, as far as functions do not know it by themselves. */
type Outcome = Pick<TaskStateChange, "result" | "error">;

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

function unreadable(kind: number): AgentlaneError {
  return new AgentlaneError(
    "internal",
    "STORED_FORMAT",
    `a log entry is of kind ${kind}, which this release does not know`,
  );
}
