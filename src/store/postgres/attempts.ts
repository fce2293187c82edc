/** An attempt from its claim to its end: leases, fences, the log's growth. */

import { toBinary } from "@bufbuild/protobuf";
import { ExecutionContextSchema } from "../../../gen/agentlane/v1/session_pb.js";
import {
  type Task,
  TaskErrorSchema,
  type TaskEvent,
  TaskState,
} from "../../../gen/agentlane/v1/task_pb.js";
import { leaseLost } from "../../errors.ts";
import { timestamp } from "../../timestamp.ts";
import type { Claim, ClaimRequest, Effects, Finish, Lease, LeaseStatus } from "../contract.ts";
import { deadlineError, entriesNotice, outcomeOf, stateChange } from "../messages.ts";
import { tokensOf } from "../quota.ts";
import { commitRefused, sequenceMismatch } from "../refusals.ts";
import type { Argument } from "./connection.ts";
import { readEffects, readFreshEffects, type WritableEffects, writtenEntries } from "./effects.ts";
import { attemptStarted, writeChange, writeEvent } from "./entries.ts";
import { writeText } from "./names.ts";
import { readRecord, readTask } from "./records.ts";
import { Fields } from "./reply.ts";
import type { Postgres } from "./store.ts";

export const DEADLINE_CHANGE = writeChange({ error: deadlineError() });

export async function claim(
  postgres: Postgres,
  request: ClaimRequest,
): Promise<{ claim: Claim | undefined; effects: Effects }> {
  const { ref, workerId, claimId, leaseMs, spanId } = request;
  const answer = new Fields(
    await postgres.callTogether("claim_task", [
      ...nameOf(ref),
      writeText(workerId),
      Math.ceil(leaseMs),
      spanId,
      DEADLINE_CHANGE,
      claimId,
    ]),
  );
  const row = answer.fields("record");
  if (!row) return { claim: undefined, effects: readFreshEffects(answer) };
  const effects = readEffects(answer);
  const record = readRecord(row, answer.flag("published"));
  const { attempt = 0, lastSequence = 0 } = record.task ?? {};
  const nowMs = answer.number("now");
  const deadlineAtMs = row.optionalNumber("deadline_at");
  const claimed = {
    lease: { ...ref, fence: record.fence, attempt },
    record,
    sessionEtag: answer.text("etag"),
    deadlineInMs: deadlineAtMs === undefined ? undefined : deadlineAtMs - nowMs,
  };
  if (answer.text("outcome") === "OK") {
    const event = attemptStarted(timestamp(nowMs), workerId);
    const entries = writtenEntries(attempt, lastSequence, [event], nowMs);
    effects.notices.push(entriesNotice(ref, entries));
  }
  return { claim: claimed, effects };
}

function nameOf({ tenant, taskId }: { tenant: string; taskId: string }): [string, string] {
  return [writeText(tenant), writeText(taskId)];
}

export async function renew(
  postgres: Postgres,
  leases: readonly Lease[],
  leaseMs: number,
): Promise<LeaseStatus[]> {
  if (leases.length === 0) return [];
  const answer = await postgres.call("renew_leases", [
    Math.ceil(leaseMs),
    leases.map(({ tenant }) => writeText(tenant)),
    leases.map(({ taskId }) => writeText(taskId)),
    leases.map(({ fence }) => `${fence}`),
  ]);
  return new Fields({ answer }).list("answer").map((each) => {
    const status = new Fields(each);
    const mode = status.number("mode");
    if (!status.flag("valid") || mode === 0) return { valid: status.flag("valid") };
    return { valid: true, cancel: { mode, reason: status.text("reason") } };
  });
}

export async function append(
  postgres: Postgres,
  lease: Lease,
  afterSequence: number,
  events: readonly TaskEvent[],
): Promise<{ lastSequence: number; effects: Effects }> {
  const args = [...nameOf(lease), `${lease.fence}`, afterSequence, events.map(writeEvent)];
  const answer = new Fields(await postgres.callTogether("append_events", args));
  refuse(lease, afterSequence, answer);
  const lastSequence = answer.number("last");
  const effects = readEffects(answer);
  const fresh = events.slice(answer.number("known"));
  if (fresh.length > 0) {
    const entries = writtenEntries(lease.attempt, lastSequence, fresh, answer.number("now"));
    effects.notices.push(entriesNotice(lease, entries));
  }
  return { lastSequence, effects };
}

function refuse(lease: Lease, afterSequence: number, answer: Fields): void {
  switch (answer.text("outcome")) {
    case "OK":
      return;
    case "GAP":
      throw sequenceMismatch(lease.taskId, answer.number("last"), afterSequence);
    case "STATELESS":
      throw commitRefused("a stateless task has no session to commit to");
    case "FOREIGN":
      throw commitRefused("the task belongs to another session than the one committed");
    case "VERSION":
      throw commitRefused(
        `the session is at version ${answer.text("version")}; a commit must be the next one`,
      );
    default:
      throw leaseLost(lease.taskId, lease.fence);
  }
}

/** What `finish` answers. */
type Finished = { task: Task; state: TaskState; sessionEtag: string; effects: Effects };

export async function finish(postgres: Postgres, lease: Lease, request: Finish): Promise<Finished> {
  const answer = new Fields(
    await postgres.callTogether("finish_task", finishArguments(lease, request)),
  );
  refuse(lease, request.afterSequence, answer);
  const row = answer.fields("task");
  if (!row) throw leaseLost(lease.taskId, lease.fence);
  const task = readTask(row);
  const effects = readEffects(answer);
  const knownCount = answer.number("known");
  if (knownCount >= 0) {
    announce(effects, lease, request, task, { knownCount, nowMs: answer.number("now") });
  }
  return { task, state: task.state, sessionEtag: answer.text("etag"), effects };
}

function finishArguments(lease: Lease, request: Finish): Argument[] {
  const { ending, session, events, ifExpired = false } = request;
  const error = "error" in ending ? ending.error : undefined;
  return [
    ...nameOf(lease),
    `${lease.fence}`,
    request.afterSequence,
    ending.state,
    ifExpired,
    ending.state === TaskState.RETRY_WAIT ? Math.ceil(ending.delayMs) : 0,
    outcomeOf(ending),
    writeChange(error ? { error } : { ...("result" in ending && { result: ending.result }) }),
    error ? Buffer.from(toBinary(TaskErrorSchema, error)) : Buffer.alloc(0),
    writeText(error?.reason ?? ""),
    ...(session
      ? [
          writeText(session.agentId),
          writeText(session.sessionId),
          writeContext(session),
          `${session.version}`,
          session.history.length,
        ]
      : ["", "", null, null, null]),
    events.map(writeEvent),
    tokensOf(ending),
  ];
}

/** Without its instants: those are the server's. */
export function writeContext(context: NonNullable<Finish["session"]>): Buffer {
  const { createdAt: _created, updatedAt: _updated, ...rest } = context;
  return Buffer.from(toBinary(ExecutionContextSchema, rest));
}

/** The entries that finish_task does not send back because the caller has them. */
function announce(
  { notices }: WritableEffects,
  lease: Lease,
  { events, ending }: Finish,
  task: Task,
  { knownCount, nowMs }: { knownCount: number; nowMs: number },
): void {
  const fresh = events.slice(knownCount);
  const { lastSequence, nextAttemptAt } = task;
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
    nextAttemptAt,
  });
  const entries = writtenEntries(lease.attempt, lastSequence, [...fresh, change], nowMs);
  notices.push(entriesNotice(lease, entries));
}
