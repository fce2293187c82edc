/** Sessions: the context that turns commit, and the end of it all. */

import { create } from "@bufbuild/protobuf";
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import {
  type ExecutionContext,
  type SessionSummary,
  SessionSummarySchema,
} from "../../../gen/agentlane/v1/session_pb.js";
import { AttemptOutcome, type TaskError, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { SessionRef, SessionStore } from "../contract.ts";
import { canceledError, cancelNotice, sessionReplacedNotice } from "../messages.ts";
import { messageBytes } from "../page-bytes.ts";
import { commitRefused, sessionBusy, sessionExists } from "../refusals.ts";
import { refuseClosed } from "./closed.ts";
import { refOf } from "./messages.ts";
import { pageByOrder } from "./paging.ts";
import {
  begin,
  effectsOf,
  findSession,
  type MemoryState,
  type Operation,
  type SessionEntry,
  sessionEntry,
  type TaskEntry,
  type TenantTable,
  tenantTable,
} from "./state.ts";
import { endedAttempts, endTask, forget } from "./transitions.ts";

export function refuseCommit(entry: TaskEntry, context: ExecutionContext): void {
  const { agentId, sessionId } = entry.task;
  if (sessionId === "") throw commitRefused("a stateless task has no session to commit to");
  if (context.agentId !== agentId || context.sessionId !== sessionId) {
    throw commitRefused(`a task of session ${sessionId} commits to ${context.sessionId}`);
  }
  const expected = (entry.session.context?.version ?? 0n) + 1n;
  if (context.version === expected) return;
  throw commitRefused(`session ${sessionId} expects version ${expected}, got ${context.version}`);
}

export function commit(op: Operation, entry: TaskEntry, context: ExecutionContext): void {
  const { session, table } = entry;
  const createdAt = session.context?.createdAt ?? op.now;
  keep(op.state, table, session, { ...context, createdAt, updatedAt: op.now });
}

/** Counts what its context takes now for the tenant. */
function countBytes({ account }: TenantTable, session: SessionEntry): void {
  if (!account) return;
  const bytes = session.context ? messageBytes(session.context) : 0;
  account.storedBytes += bytes - session.countedBytes;
  session.countedBytes = bytes;
}

function keep(
  state: MemoryState,
  table: TenantTable,
  session: SessionEntry,
  context: ExecutionContext,
): void {
  session.context = context;
  countBytes(table, session);
  session.usedOrder = ++state.counter;
  session.usedAtMs = state.clock.now();
  session.etag = `${session.usedOrder}`;
  table.used.remove(session.usedLink);
  session.usedLink = table.used.append(session);
}

/** Past retention: the session starts anew with its next turn. */
export function dropContext(table: TenantTable, session: SessionEntry): void {
  table.used.remove(session.usedLink);
  session.usedLink = undefined;
  session.context = undefined;
  countBytes(table, session);
  session.etag = "";
  if (session.tasks.size === 0) table.sessions.delete(session.key);
}

export function createSessions(state: MemoryState): SessionStore {
  return {
    async load(ref) {
      const session = findSession(state, ref);
      return session?.context && { context: session.context, etag: session.etag };
    },

    async lane(ref) {
      const lane = findSession(state, ref)?.lane.forward() ?? [];
      return Array.from(lane, ({ task }) => task.taskId);
    },

    async list(tenant, { agentId }, page) {
      const sessions = state.tenants.get(tenant)?.used.backward() ?? [];
      const matches = (session: SessionEntry): boolean => !agentId || session.agentId === agentId;
      return pageByOrder(sessions, page, ({ usedOrder }) => usedOrder, matches, summaryOf);
    },

    async import(ref, context, overwrite) {
      refuseClosed(state, ref.tenant);
      const op = begin(state);
      const known = findSession(state, ref);
      if (known && known.lane.size > 0) throw sessionBusy(ref.sessionId, known.lane.size);
      if (known?.context && !overwrite) throw sessionExists(ref.sessionId);
      const table = tenantTable(state, ref.tenant);
      const session = sessionEntry(table, ref.agentId, ref.sessionId);
      const { createdAt = op.now, updatedAt = op.now } = context;
      keep(state, table, session, { ...context, createdAt, updatedAt });
      op.notices.push(sessionReplacedNotice(ref));
      return { effects: effectsOf(op) };
    },

    async destroy(ref) {
      const op = begin(state);
      const session = findSession(state, ref);
      const canceledCount = session ? cancelAll(op, session) : 0;
      if (session) forgetAll(state, ref, session);
      op.notices.push(sessionReplacedNotice(ref));
      return { existed: session !== undefined, canceledCount, effects: effectsOf(op) };
    },
  };
}

/** From the last to the first, so that no task is rung for only to be canceled. */
function cancelAll(op: Operation, session: SessionEntry): number {
  const error = canceledError("the session was destroyed");
  const canceledCount = session.lane.size;
  for (const entry of session.lane.backward()) cancelForGood(op, entry, error);
  return canceledCount;
}

/** A running attempt loses its lease and is told to stop. */
export function cancelForGood(op: Operation, entry: TaskEntry, error: TaskError): void {
  const running = entry.task.state === TaskState.RUNNING;
  const changes = running
    ? { attempts: endedAttempts(op, entry, AttemptOutcome.CANCELED, error) }
    : {};
  endTask(op, entry, TaskState.CANCELED, error, changes);
  if (running) op.notices.push(cancelNotice(refOf(entry), CancelMode.DISCARD, error.message));
}

function forgetAll(state: MemoryState, ref: SessionRef, session: SessionEntry): void {
  const table = tenantTable(state, ref.tenant);
  table.used.remove(session.usedLink);
  session.usedLink = undefined;
  session.context = undefined;
  countBytes(table, session);
  session.etag = "";
  for (const entry of session.tasks.forward()) forget(state, entry);
  table.sessions.delete(session.key);
}

function summaryOf({ agentId, sessionId, context }: SessionEntry): SessionSummary {
  return create(SessionSummarySchema, {
    agentId,
    sessionId,
    version: context?.version ?? 0n,
    messageCount: context?.history.length ?? 0,
    ...(context?.createdAt && { createdAt: context.createdAt }),
    ...(context?.updatedAt && { updatedAt: context.updatedAt }),
  });
}
