/** An attempt from its claim to its end: leases, fences, the log's growth. */

import { toBinary } from "@bufbuild/protobuf";
import { ExecutionContextSchema } from "../../../gen/agentlane/v1/session_pb.js";
import {
  type Task,
  TaskErrorSchema,
  type TaskEvent,
  TaskEventSchema,
  TaskState,
} from "../../../gen/agentlane/v1/task_pb.js";
import { leaseLost } from "../../errors.ts";
import type { Argument } from "../../redis/connection.ts";
import { attemptStarted, writeChange } from "../../redis/entries.ts";
import type { HandedClaim } from "../../redis/handed-claims.ts";
import { bytes, list, number, text } from "../../redis/reply.ts";
import { timestamp } from "../../timestamp.ts";
import type {
  Claim,
  ClaimRequest,
  Effects,
  Finish,
  Lease,
  LeaseStatus,
  TaskRef,
} from "../contract.ts";
import {
  deadlineError,
  entriesNotice,
  notTakenError,
  outcomeOf,
  stateChange,
} from "../messages.ts";
import { tokensOf } from "../quota.ts";
import { commitRefused, sequenceMismatch } from "../refusals.ts";
import { readEffects, writtenEntries } from "./effects.ts";
import { encodePart, sessionName, taskName, taskRefOf } from "./keys.ts";
import { readRecord, readShown, type Shown } from "./records.ts";
import type { Redis } from "./store.ts";

export const DEADLINE_CHANGE = writeChange({ error: deadlineError() });

export async function claim(
  redis: Redis,
  request: ClaimRequest,
): Promise<{ claim: Claim | undefined; effects: Effects }> {
  const { ref, workerId, claimId, leaseMs, spanId } = request;
  const handed = redis.handedClaims.take(taskName(ref));
  if (handed) {
    const given = await answerHanded(redis, handed, request);
    return { claim: given, effects: { doorbells: [], notices: [] } };
  }
  const args = [taskName(ref), workerId, leaseMs, spanId, DEADLINE_CHANGE, claimId];
  const reply = list(await redis.run("claim", args));
  const [outcome, now] = reply;
  if (text(outcome) === "NONE") {
    const [, , due, notices, bells] = reply;
    return { claim: undefined, effects: readEffects({ now, due, notices, bells }) };
  }
  const { claim, task } = readClaim(ref, reply);
  const [notices, bells = []] = reply.slice(11);
  const effects = readEffects({ now, notices, bells });
  if (redis.tellsItself || text(outcome) === "AGAIN") return { claim, effects };
  const nowMs = number(now);
  const event = attemptStarted(timestamp(nowMs), workerId);
  const entries = writtenEntries(task.attempt, task.lastSequence, [event], nowMs);
  effects.notices.push(entriesNotice(ref, entries));
  return { claim, effects };
}

/** Undefined when it was so long on its way that the lease is not the worker's any more. */
async function answerHanded(
  redis: Redis,
  handed: HandedClaim,
  { ref, leaseMs, spanId }: ClaimRequest,
): Promise<Claim | undefined> {
  const { claimedAtMs, leaseEndsAtMs } = handed;
  const claim = claimOfHanded(ref, handed);
  const leaseLeftMs = redis.handedClaims.leftMs(handed);
  const args = [taskName(ref), `${claim.lease.fence}`, leaseMs, spanId];
  if (leaseLeftMs < (leaseEndsAtMs - claimedAtMs) / 2) {
    return number(await redis.run("started", args)) === 1 ? claim : undefined;
  }
  // Nobody waits for it: without the span a retry only has no link to this attempt.
  if (spanId !== "") redis.run("started", args).catch(() => undefined);
  return { ...claim, leaseLeftMs };
}

function claimOfHanded(ref: TaskRef, { claimedAtMs, leaseEndsAtMs, fields }: HandedClaim): Claim {
  return readClaim(ref, ["OK", claimedAtMs, ...fields, 1, leaseEndsAtMs]).claim;
}

/** The task of a claim that nobody has taken up becomes ready again. */
export async function giveBack(redis: Redis, handed: HandedClaim): Promise<void> {
  const { lease, record } = claimOfHanded(taskRefOf(handed.task), handed);
  await finish(redis, lease, {
    afterSequence: record.task?.lastSequence ?? 0,
    events: [],
    ending: { state: TaskState.QUEUED, error: notTakenError() },
  });
}

function readClaim(ref: TaskRef, reply: readonly unknown[]): { claim: Claim; task: Task } {
  const [, now, submitted, packed, attempts, stored, headers, length, etag, ...holds] = reply;
  const [published, leaseEndsAt] = holds;
  const shown = readShown([submitted, packed, null, attempts, length]);
  const { task, control } = shown;
  const holding = { leaseExpiresAtMs: number(leaseEndsAt), published: number(published) === 1 };
  const record = readRecord(shown, bytes(stored), bytes(headers), holding);
  const deadlineAtMs = control.number("dl");
  const claim = {
    lease: { ...ref, fence: record.fence, attempt: task.attempt },
    record,
    sessionEtag: text(etag),
    deadlineInMs: deadlineAtMs === 0 ? undefined : deadlineAtMs - number(now),
  };
  return { claim, task };
}

export async function renew(
  redis: Redis,
  leases: readonly Lease[],
  leaseMs: number,
): Promise<LeaseStatus[]> {
  if (leases.length === 0) return [];
  const named = leases.flatMap((lease) => [taskName(lease), `${lease.fence}`]);
  return list(await redis.run("renew", [leaseMs, ...named])).map((status) => {
    if (!Array.isArray(status)) return { valid: status === 1 };
    const [mode, reason] = status;
    return { valid: true, cancel: { mode: number(mode), reason: text(reason) } };
  });
}

export async function append(
  redis: Redis,
  lease: Lease,
  afterSequence: number,
  events: readonly TaskEvent[],
): Promise<{ lastSequence: number; effects: Effects }> {
  const args = [taskName(lease), `${lease.fence}`, afterSequence, ...events.map(writeEvent)];
  const reply = list(await redis.run("append", args));
  refuse(lease, afterSequence, reply);
  const [, now, last, known, notices] = reply;
  const lastSequence = number(last);
  const effects = readEffects({ now, notices });
  const fresh = events.slice(number(known));
  if (fresh.length > 0 && !redis.tellsItself) {
    const entries = writtenEntries(lease.attempt, lastSequence, fresh, number(now));
    effects.notices.push(entriesNotice(lease, entries));
  }
  return { lastSequence, effects };
}

function writeEvent(event: TaskEvent): Buffer {
  return Buffer.from(toBinary(TaskEventSchema, event));
}

function refuse(lease: Lease, afterSequence: number, [outcome, detail]: readonly unknown[]): void {
  switch (text(outcome)) {
    case "OK":
      return;
    case "GAP":
      throw sequenceMismatch(lease.taskId, number(detail), afterSequence);
    case "STATELESS":
      throw commitRefused("a stateless task has no session to commit to");
    case "FOREIGN":
      throw commitRefused("the task belongs to another session than the one committed");
    case "VERSION":
      throw commitRefused(
        `the session is at version ${text(detail)}; a commit must be the next one`,
      );
    default:
      throw leaseLost(lease.taskId, lease.fence);
  }
}

/** What `finish` answers. */
type Finished = { task: Task; state: TaskState; sessionEtag: string; effects: Effects };

export async function finish(redis: Redis, lease: Lease, request: Finish): Promise<Finished> {
  const consumer = request.ifExpired ? "" : redis.handedClaims.promiseSlot();
  let reply: readonly unknown[];
  try {
    reply = list(await redis.run("finish", finishArguments(lease, request, consumer)));
    refuse(lease, request.afterSequence, reply);
  } catch (error) {
    redis.handedClaims.breakPromise(consumer);
    throw error;
  }
  const [, now, due, notices, bells, submitted, packed, attempts, outcome, length, etag, known] =
    reply;
  if (number(known) < 0) redis.handedClaims.breakPromise(consumer);
  let read: Shown | undefined;
  const shown = (): Shown => {
    read ??= readShown([submitted, packed, outcome, attempts, length]);
    return read;
  };
  // Where it is not the one that was asked for.
  const { changes = [], ...effects } = readEffects({ now, due, notices, bells });
  if (number(known) >= 0 && !redis.tellsItself) {
    const ending = { knownCount: number(known), nowMs: number(now) };
    announce(effects.notices, lease, request, shown(), ending);
  }
  return {
    // Who ends an attempt has seen its task; reading it again is a good part of the price of an end.
    get task() {
      return shown().task;
    },
    get state() {
      if (number(known) < 0) return shown().task.state;
      return changes[0]?.state ?? request.ending.state;
    },
    sessionEtag: text(etag),
    effects,
  };
}

function finishArguments(lease: Lease, request: Finish, consumer: string): Argument[] {
  const { ending, session, events, ifExpired = false } = request;
  const { tenant } = lease;
  const error = "error" in ending ? ending.error : undefined;
  return [
    taskName(lease),
    `${lease.fence}`,
    request.afterSequence,
    ending.state,
    ifExpired ? "1" : "",
    ending.state === TaskState.RETRY_WAIT ? ending.delayMs : 0,
    outcomeOf(ending),
    writeChange(error ? { error } : { ...("result" in ending && { result: ending.result }) }),
    error ? Buffer.from(toBinary(TaskErrorSchema, error)) : "",
    encodePart(error?.reason ?? ""),
    ...(session
      ? [
          sessionName({ tenant, agentId: session.agentId, sessionId: session.sessionId }),
          writeContext(session),
          `${session.version - 1n}`,
          `${session.version}`,
          session.history.length,
        ]
      : ["", "", "", "", ""]),
    consumer,
    tokensOf(ending),
    ...events.map(writeEvent),
  ];
}

/** Without its instants: those are the server's. */
export function writeContext(context: NonNullable<Finish["session"]>): Buffer {
  const { createdAt: _created, updatedAt: _updated, ...rest } = context;
  return Buffer.from(toBinary(ExecutionContextSchema, rest));
}

/** The entries that finish.lua does not send back because the caller has them. */
function announce(
  notices: Effects["notices"][number][],
  lease: Lease,
  { events, ending }: Finish,
  { task, control }: Shown,
  { knownCount, nowMs }: { knownCount: number; nowMs: number },
): void {
  const fresh = events.slice(knownCount);
  const { lastSequence } = task;
  if (task.state !== ending.state) {
    const entries = writtenEntries(lease.attempt, lastSequence - 1, fresh, nowMs);
    if (entries.length > 0) notices.splice(-1, 0, entriesNotice(lease, entries));
    return;
  }
  const change = stateChange(timestamp(nowMs), {
    previous: TaskState.RUNNING,
    state: ending.state,
    result: "result" in ending ? ending.result : undefined,
    error: "error" in ending ? ending.error : undefined,
    nextAttemptAt: control.instant("na"),
  });
  const entries = writtenEntries(lease.attempt, lastSequence, [...fresh, change], nowMs);
  notices.push(entriesNotice(lease, entries));
}
