/** Accepting a task: what create_task needs to know, and what it may refuse. */

import { MultitaskStrategy, type Task, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { timestamp } from "../../timestamp.ts";
import type { Effects, Submission } from "../contract.ts";
import { canceledError, entriesNotice, logEntry, stateChange } from "../messages.ts";
import { quotaRefused } from "../quota.ts";
import {
  idempotencyConflict,
  queueFull,
  sessionBusy,
  taskMissing,
  tenantClosed,
} from "../refusals.ts";
import type { Argument } from "./connection.ts";
import { readFreshEffects } from "./effects.ts";
import { writeChange } from "./entries.ts";
import { unavailable } from "./errors.ts";
import { writeText } from "./names.ts";
import { readTask, writeHeaders, writeMetadata, writeRecord, writeTask } from "./records.ts";
import { Fields } from "./reply.ts";
import type { Postgres } from "./store.ts";

/** So far below the limit of its queue create_tasks accepts. */
const MARGIN = 1000;

type Accepted = { task: Task; existing: boolean; effects: Effects };

export async function accept(postgres: Postgres, submission: Submission): Promise<Accepted> {
  const { task } = submission.record;
  if (!task) throw taskMissing();
  const args = argumentsOf(submission, task);
  const answer = new Fields(
    await (mayGoTogether(submission)
      ? postgres.callTogether("create_task", args)
      : postgres.call("create_task", args)),
  );
  switch (answer.text("outcome")) {
    case "OK":
      return accepted(submission, task, answer);
    case "EXISTS":
      return existing(answer);
    case "CONFLICT":
      throw idempotencyConflict(task.idempotencyKey, answer.text("task_id"));
    case "BUSY":
      throw sessionBusy(task.sessionId, answer.number("count"));
    case "CLOSED":
      throw tenantClosed();
    case "QUOTA":
      throw quotaRefused(submission, answer.text("limit"), answer.number("now"));
    default:
      throw queueFull(task.queue, answer.number("count"));
  }
}

/** Others are refused by create_tasks: they may have to wait for each other. */
function mayGoTogether({ strategy, maxQueueSize }: Submission): boolean {
  return clearing(strategy)[1] === "" && maxQueueSize > MARGIN;
}

function existing(answer: Fields): Accepted {
  const row = answer.fields("task");
  if (!row) throw unavailable("the task of this idempotency key is being deleted; try again");
  return { task: readTask(row), existing: true, effects: { doorbells: [], notices: [] } };
}

function argumentsOf(submission: Submission, task: Task): Argument[] {
  const { record, strategy, deadlineInMs, quota } = submission;
  const [step, reason] = clearing(strategy);
  return [
    writeText(record.tenant),
    writeText(task.taskId),
    writeText(task.idempotencyKey),
    writeText(record.requestDigest),
    step,
    writeText(task.queue),
    submission.maxQueueSize,
    deadlineInMs === undefined ? null : Math.ceil(deadlineInMs),
    Math.ceil(submission.idempotencyMs),
    writeText(task.agentId),
    writeText(task.sessionId),
    task.priority,
    writeMetadata(task.metadata),
    writeTask(task),
    writeRecord(record),
    writeHeaders(record.traceHeaders),
    reason === "" ? null : writeChange({ error: canceledError(reason) }),
    reason,
    quota ? JSON.stringify({ ...quota.limits, bytes: quota.bytes }) : null,
  ];
}

/** As create_task numbers the strategies, and why tasks ahead are canceled. */
function clearing(strategy: MultitaskStrategy): [step: number, reason: string] {
  switch (strategy) {
    case MultitaskStrategy.REJECT:
      return [1, ""];
    case MultitaskStrategy.INTERRUPT:
      return [2, "interrupted by a newer task of the session"];
    case MultitaskStrategy.ROLLBACK:
      return [3, "rolled back by a newer task of the session"];
    default:
      return [0, ""];
  }
}

function accepted(submission: Submission, submitted: Task, answer: Fields): Accepted {
  const nowMs = answer.number("now");
  const createdAt = timestamp(nowMs);
  const { deadlineInMs, record } = submission;
  const task: Task = { ...submitted, state: TaskState.QUEUED, createdAt, lastSequence: 1 };
  if (deadlineInMs !== undefined) task.deadline = timestamp(nowMs + Math.ceil(deadlineInMs));
  const change = { previous: TaskState.UNSPECIFIED, state: TaskState.QUEUED };
  const first = logEntry(0, 1, stateChange(createdAt, change));
  const effects = readFreshEffects(answer);
  effects.notices.push(entriesNotice({ tenant: record.tenant, taskId: task.taskId }, [first]));
  return { task, existing: false, effects };
}
