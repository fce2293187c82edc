/** Accepting a task: what lua/create.lua needs to know, and what it may refuse. */

import { MultitaskStrategy, type Task, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { Argument } from "../../redis/connection.ts";
import { writeChange } from "../../redis/entries.ts";
import { list, number, text } from "../../redis/reply.ts";
import { writeHeaders } from "../../redis/trace-headers.ts";
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
import type { Quota } from "../tenant-contract.ts";
import { readEffects } from "./effects.ts";
import { encodePart, keyName, sessionName, taskName, taskRefOf } from "./keys.ts";
import { readShown, writeRecord, writeTask } from "./records.ts";
import type { Redis } from "./store.ts";

type Accepted = { task: Task; existing: boolean; effects: Effects };

export async function accept(redis: Redis, submission: Submission): Promise<Accepted> {
  const { task } = submission.record;
  if (!task) throw taskMissing();
  const reply = list(await redis.run("create", argumentsOf(submission, task)));
  const [outcome, second] = reply;
  switch (text(outcome)) {
    case "OK":
      return accepted(redis, submission, task, reply);
    case "EXISTS":
      return { task: readShown(second).task, existing: true, effects: NOTHING };
    case "CONFLICT":
      throw idempotencyConflict(task.idempotencyKey, taskRefOf(text(second)).taskId);
    case "BUSY":
      throw sessionBusy(task.sessionId, number(second));
    case "CLOSED":
      throw tenantClosed();
    case "QUOTA":
      throw quotaRefused(submission, text(second), number(reply[2]));
    default:
      throw queueFull(task.queue, number(second));
  }
}

const NOTHING: Effects = { doorbells: [], notices: [] };

function argumentsOf(submission: Submission, task: Task): Argument[] {
  const { record, strategy, deadlineInMs } = submission;
  const { tenant } = record;
  const { taskId, agentId, sessionId, idempotencyKey } = task;
  const [step, reason] = clearing(strategy);
  return [
    taskName({ tenant, taskId }),
    idempotencyKey === "" ? "" : keyName(tenant, idempotencyKey),
    record.requestDigest,
    step,
    task.queue,
    submission.maxQueueSize,
    deadlineInMs ?? "",
    submission.idempotencyMs,
    sessionId === "" ? "" : sessionName({ tenant, agentId, sessionId }),
    encodePart(agentId),
    task.priority,
    writeTask(task),
    writeRecord(record),
    writeHeaders(record.traceHeaders),
    reason === "" ? "" : writeChange({ error: canceledError(reason) }),
    reason,
    ...quotaArguments(submission.quota),
  ];
}

function quotaArguments(quota: Quota | undefined): Argument[] {
  if (!quota) return [""];
  const { limits } = quota;
  return [
    quota.bytes,
    limits.window,
    limits.maxRunningTasks ?? "",
    limits.maxQueuedTasks ?? "",
    limits.maxLiveSessions ?? "",
    limits.maxTokensPerDay ?? "",
    limits.maxStoredBytes ?? "",
  ];
}

/** As create.lua numbers the strategies, and why tasks ahead are canceled. */
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

function accepted(
  redis: Redis,
  submission: Submission,
  submitted: Task,
  reply: readonly unknown[],
): Accepted {
  const [, now, due, notices, bells] = reply;
  const nowMs = number(now);
  const createdAt = timestamp(nowMs);
  const { deadlineInMs, record } = submission;
  const task: Task = { ...submitted, state: TaskState.QUEUED, createdAt, lastSequence: 1 };
  if (deadlineInMs !== undefined) task.deadline = timestamp(nowMs + deadlineInMs);
  const effects = readEffects({ now, due, notices, bells });
  if (redis.tellsItself) return { task, existing: false, effects };
  const change = { previous: TaskState.UNSPECIFIED, state: TaskState.QUEUED };
  const first = logEntry(0, 1, stateChange(createdAt, change));
  effects.notices.push(entriesNotice({ tenant: record.tenant, taskId: task.taskId }, [first]));
  return { task, existing: false, effects };
}
