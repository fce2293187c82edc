/** Sessions: the context that turns commit, and the end of it all. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import {
  type ExecutionContext,
  ExecutionContextSchema,
  SessionSummarySchema,
} from "../../../gen/agentlane/v1/session_pb.js";
import { AttemptOutcome, type TaskError, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { Effects, SessionRef, SessionStore } from "../contract.ts";
import { canceledError, cancelNotice, sessionReplacedNotice } from "../messages.ts";
import { commitRefused, sessionBusy, sessionExists } from "../refusals.ts";
import { refuseClosed } from "./closed.ts";
import type { Database } from "./database.ts";
import { pageOf } from "./paging.ts";
import type { SessionMetaRow } from "./rows.ts";
import {
  effectsOf,
  entryOf,
  joinEffects,
  type Operation,
  type Reading,
  type TaskEntry,
} from "./state.ts";
import { countBytes } from "./tenants.ts";
import { endedAttempts, endTask, forget, logRoom } from "./transitions.ts";

/** Tasks that one step of a destroy changes: a bound on how long it keeps others waiting. */
const DESTROY_COUNT = 100;
/** Sessions that one look reads. */
const STEP_COUNT = 200;

export function etagOf({ sql }: Reading, { tenant, agentId, sessionId }: SessionRef): string {
  if (sessionId === "") return "";
  return sql.sessionMeta.get(tenant, agentId, sessionId)?.etag ?? "";
}

/** Remembers who has the session warm. */
export function usedBy(op: Operation, entry: TaskEntry, workerId: string): void {
  if (entry.sessionId === "") return;
  const session = sessionRow(op, entry);
  if (session.last_worker_id !== workerId) op.sql.setLastWorker(workerId, session.id);
}

/** Made when it is new. */
function sessionRow({ sql }: Pick<Operation, "sql">, ref: SessionRef): SessionMetaRow {
  const { tenant, agentId, sessionId } = ref;
  const known = sql.sessionMeta.get(tenant, agentId, sessionId);
  if (known) return known;
  sql.insertSession(tenant, agentId, sessionId);
  return sessionRow({ sql }, ref);
}

export function refuseCommit({ sql }: Reading, entry: TaskEntry, context: ExecutionContext): void {
  const { tenant, agentId, sessionId } = entry;
  if (sessionId === "") throw commitRefused("a stateless task has no session to commit to");
  if (context.agentId !== agentId || context.sessionId !== sessionId) {
    throw commitRefused(`a task of session ${sessionId} commits to ${context.sessionId}`);
  }
  const stored = sql.sessionMeta.get(tenant, agentId, sessionId)?.version ?? "0";
  const expected = BigInt(stored) + 1n;
  if (context.version === expected) return;
  throw commitRefused(`session ${sessionId} expects version ${expected}, got ${context.version}`);
}

/** Answers the session's new etag. */
export function commit(op: Operation, entry: TaskEntry, context: ExecutionContext): string {
  const row = sessionRow(op, entry);
  const summary = op.sql.summary.get(row.id)?.summary;
  const known = summary ? fromBinary(SessionSummarySchema, summary) : undefined;
  const createdAt = known?.createdAt ?? op.now;
  return keep(op, entry.tenant, row, { ...context, createdAt, updatedAt: op.now });
}

function keep(
  op: Operation,
  tenant: string,
  row: SessionMetaRow,
  context: ExecutionContext,
): string {
  const { agentId, sessionId, version, history, createdAt, updatedAt } = context;
  const usedOrder = op.nextOrder();
  const etag = `${usedOrder}`;
  const summary = create(SessionSummarySchema, {
    agentId,
    sessionId,
    version,
    messageCount: history.length,
    ...(createdAt && { createdAt }),
    ...(updatedAt && { updatedAt }),
  });
  const stored = toBinary(ExecutionContextSchema, context);
  const countedBytes = op.sql.tenant.get(tenant) ? stored.length : 0;
  countBytes(op, tenant, countedBytes - row.counted_bytes);
  op.sql.keepContext(
    `${version}`,
    etag,
    usedOrder,
    op.nowMs,
    toBinary(SessionSummarySchema, summary),
    stored,
    countedBytes,
    row.id,
  );
  return etag;
}

/** Past retention: the session starts anew with its next turn. */
export function dropContext(
  op: Operation,
  id: number,
  { tenant, agentId, sessionId }: SessionRef,
): void {
  const { sql } = op;
  countBytes(op, tenant, -(sql.sessionMeta.get(tenant, agentId, sessionId)?.counted_bytes ?? 0));
  if (sql.hasTasks.get(tenant, agentId, sessionId)) sql.dropContext(id);
  else sql.deleteSession(id);
}

export function createSessions(db: Database): SessionStore {
  return {
    load: ({ tenant, agentId, sessionId }) =>
      db.read(({ sql }) => {
        const row = sql.findSession.get(tenant, agentId, sessionId);
        if (!row?.context) return undefined;
        return { context: fromBinary(ExecutionContextSchema, row.context), etag: row.etag };
      }),

    lane: ({ tenant, agentId, sessionId }) =>
      db.read(({ sql }) => sql.lane.all(tenant, agentId, sessionId).map(({ task_id }) => task_id)),

    list: (tenant, { agentId }, page) =>
      pageOf(page, (before) =>
        db.read(({ sql }) => {
          const rows = sql.sessions.all(tenant, before, STEP_COUNT);
          const items = rows
            .filter((row) => !agentId || row.agent_id === agentId)
            .map((row) => ({
              order: row.used_order,
              item: fromBinary(SessionSummarySchema, row.summary),
              bytes: 0,
            }));
          const next = rows.length < STEP_COUNT ? undefined : rows.at(-1)?.used_order;
          return { items, next };
        }),
      ),

    import: (ref, context, overwrite) =>
      db.write((op) => {
        const { tenant, agentId, sessionId } = ref;
        refuseClosed(op, tenant);
        const waitingCount = op.sql.lane.all(tenant, agentId, sessionId).length;
        if (waitingCount > 0) throw sessionBusy(sessionId, waitingCount);
        const row = sessionRow(op, ref);
        if (row.etag !== "" && !overwrite) throw sessionExists(sessionId);
        const { createdAt = op.now, updatedAt = op.now } = context;
        keep(op, ref.tenant, row, { ...context, createdAt, updatedAt });
        op.notices.push(sessionReplacedNotice(ref));
        return { effects: effectsOf(op) };
      }),

    /** In steps: one that fails leaves those before it done, and a repeat goes on. */
    async destroy(ref) {
      const effects: Effects[] = [];
      let step: DestroyStep | undefined;
      do {
        const last = step;
        step = await db.write((op) => {
          const next = destroyStep(op, ref, last);
          if (!next.isLeft) op.notices.push(sessionReplacedNotice(ref));
          effects.push(effectsOf(op));
          return next;
        });
      } while (step.isLeft);
      const { existed, canceledCount } = step;
      return { existed, canceledCount, effects: joinEffects(effects) };
    },
  };
}

interface DestroyStep {
  /** Tasks accepted from here on are of the session that begins anew. */
  readonly before: number;
  readonly existed: boolean;
  /** In all steps so far. */
  readonly canceledCount: number;
  readonly isContextGone: boolean;
  /** Whether another step is needed. */
  readonly isLeft: boolean;
}

/** Unfinished tasks first, then the context, then what has ended. */
function destroyStep(op: Operation, ref: SessionRef, last?: DestroyStep): DestroyStep {
  const { tenant, agentId, sessionId } = ref;
  const session = op.sql.sessionMeta.get(tenant, agentId, sessionId);
  const hasTasks = op.sql.hasTasks.get(tenant, agentId, sessionId) !== undefined;
  const {
    before = op.nextOrder(),
    existed = session !== undefined || hasTasks,
    canceledCount = 0,
    isContextGone = false,
  } = last ?? {};
  // From the last to the first, so that no task is rung for only to be canceled.
  const unfinished = op.sql.laneTail.all(tenant, agentId, sessionId, before, DESTROY_COUNT);
  const error = canceledError("the session was destroyed");
  for (const row of unfinished) cancelForGood(op, entryOf(row), error);
  const step = { before, existed, canceledCount: canceledCount + unfinished.length };
  if (unfinished.length === DESTROY_COUNT) return { ...step, isContextGone, isLeft: true };
  if (session && !isContextGone) dropContext(op, session.id, ref);
  const ended = op.sql.ofSession.all(tenant, agentId, sessionId, before, DESTROY_COUNT);
  const room = logRoom();
  const isForgotten = ended.every((row) => forget(op, entryOf(row), room));
  const isLeft = !isForgotten || ended.length === DESTROY_COUNT;
  return { ...step, isContextGone: true, isLeft };
}

/** A running attempt loses its lease and is told to stop. */
export function cancelForGood(op: Operation, entry: TaskEntry, error: TaskError): void {
  const running = entry.task.state === TaskState.RUNNING;
  const changes = running
    ? { attempts: endedAttempts(op, entry, AttemptOutcome.CANCELED, error) }
    : {};
  endTask(op, entry, TaskState.CANCELED, error, changes);
  if (running) op.notices.push(cancelNotice(entry, CancelMode.DISCARD, error.message));
}
