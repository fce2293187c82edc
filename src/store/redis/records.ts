/** Tasks and records, put together from what the functions keep apart. */

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
import { AgentlaneError } from "../../errors.ts";
import { readChange } from "../../redis/entries.ts";
import { type Packed, unpack } from "../../redis/msgpack.ts";
import { bytes, list, number, optionalBytes } from "../../redis/reply.ts";
import { readHeaders } from "../../redis/trace-headers.ts";
import { timestamp } from "../../timestamp.ts";

const FORMAT = 1;

/** A task's control part; lua/lib/core.lua says what its fields mean. */
export class Control {
  readonly #fields: Map<string, Packed>;

  constructor(packed: Buffer) {
    const fields = unpack(packed);
    if (!(fields instanceof Map) || fields.get("v") !== FORMAT) throw unknownFormat();
    this.#fields = fields;
  }

  /** 0 when absent. */
  number(name: string): number {
    const value = this.#fields.get(name);
    return typeof value === "number" ? value : 0;
  }

  /** Undefined when absent. */
  instant(name: string): ReturnType<typeof timestamp> | undefined {
    const value = this.#fields.get(name);
    return typeof value === "number" ? timestamp(value) : undefined;
  }

  text(name: string): string {
    const value = this.#fields.get(name);
    return Buffer.isBuffer(value) ? value.toString() : "";
  }
}

/** What functions show of a task: p, c, o, a, length of its log. */
export interface Shown {
  readonly task: Task;
  readonly control: Control;
}

export function readShown(reply: unknown): Shown {
  const [submitted, packed, outcome, attempts, logLength] = list(reply);
  const control = new Control(bytes(packed));
  const task = fromBinary(TaskSchema, bytes(submitted));
  task.state = control.number("st");
  task.attempt = control.number("at");
  task.consumedAttempts = control.number("co");
  task.redriveCount = control.number("rd");
  task.lastSequence = control.number("fs") - 1 + number(logLength);
  task.attempts = readAttempts(optionalBytes(attempts));
  setInstants(task, control);
  if (task.state !== TaskState.QUEUED && task.state !== TaskState.RUNNING) {
    const { result, error } = readChange(optionalBytes(outcome));
    if (result) task.result = result;
    if (error) task.error = error;
  }
  return { task, control };
}

function setInstants(task: Task, control: Control): void {
  const createdAt = control.instant("ca");
  const startedAt = control.instant("sa");
  const finishedAt = control.instant("fa");
  const nextAttemptAt = control.instant("na");
  const deadline = control.instant("dl");
  const cancelRequestedAt = control.instant("cr");
  if (createdAt) task.createdAt = createdAt;
  if (startedAt) task.startedAt = startedAt;
  if (finishedAt) task.finishedAt = finishedAt;
  if (nextAttemptAt) task.nextAttemptAt = nextAttemptAt;
  if (deadline) task.deadline = deadline;
  if (cancelRequestedAt) task.cancelRequestedAt = cancelRequestedAt;
}

function readAttempts(packed: Buffer): Attempt[] {
  if (packed.length === 0) return [];
  const attempts = unpack(packed);
  if (!Array.isArray(attempts)) throw unknownFormat();
  return attempts.map(readAttempt);
}

/** {attempt, started, finished, outcome, worker, span, TaskError}; 0 and '' = absent. */
function readAttempt(packed: Packed): Attempt {
  if (!Array.isArray(packed)) throw unknownFormat();
  const [attempt, startedAt, finishedAt, outcome, workerId, spanId, error] = packed;
  const failure = asBytes(error);
  return {
    $typeName: "agentlane.v1.Attempt",
    attempt: asNumber(attempt),
    workerId: asBytes(workerId).toString(),
    startedAt: timestamp(asNumber(startedAt)),
    outcome: asNumber(outcome),
    spanId: asBytes(spanId).toString(),
    ...(asNumber(finishedAt) > 0 && { finishedAt: timestamp(asNumber(finishedAt)) }),
    ...(failure.length > 0 && { error: fromBinary(TaskErrorSchema, failure) }),
  };
}

function asNumber(value: Packed | undefined): number {
  return typeof value === "number" ? value : 0;
}

function asBytes(value: Packed | undefined): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

/** What never changes of a record, apart from its task. */
export function writeRecord(record: TaskRecord): Buffer {
  const { task: _, ...rest } = record;
  return Buffer.from(toBinary(TaskRecordSchema, { ...rest, traceHeaders: {} }));
}

export function writeTask(task: Task): Buffer {
  return Buffer.from(toBinary(TaskSchema, task));
}

export interface Holding {
  /** Undefined = not known. */
  readonly leaseExpiresAtMs: number | undefined;
  readonly published: boolean;
}

export function readRecord(
  { task, control }: Shown,
  stored: Buffer,
  headers: Buffer,
  { leaseExpiresAtMs, published }: Holding,
): TaskRecord {
  const record = fromBinary(TaskRecordSchema, stored);
  record.task = task;
  record.traceHeaders = readHeaders(headers);
  record.fence = BigInt(control.number("f"));
  record.cancelMode = control.number("cm") || CancelMode.UNSPECIFIED;
  record.cancelReason = control.text("cw");
  record.published = published;
  if (leaseExpiresAtMs !== undefined) record.leaseExpiresAt = timestamp(leaseExpiresAtMs);
  return record;
}

function unknownFormat(): AgentlaneError {
  return new AgentlaneError(
    "internal",
    "STORED_FORMAT",
    "a task is stored in a format that this release does not know",
  );
}
