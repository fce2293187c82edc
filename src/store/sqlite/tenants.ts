/** What tenants have, and which of their ready tasks ring. Tasks without a quota do not come here. */
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { freePlaces, HELD_LEVELS, levelIndex, nextHeld } from "../held-order.ts";
import { dayOf } from "../quota.ts";
import type { ClearedTenant, Quota, TenantStore, TenantUsage } from "../tenant-contract.ts";
import { closeTenant, isClosed } from "./closed.ts";
import type { Database } from "./database.ts";
import { doorbell } from "./messages.ts";
import type { HeldRow, TenantRow } from "./rows.ts";
import {
  effectsOf,
  entryOf,
  figuresOf,
  type Operation,
  type Reading,
  type TaskEntry,
} from "./state.ts";

/** Before the tenant's task is inserted. */
export function openAccount({ sql }: Operation, tenant: string, { limits, bytes }: Quota): void {
  const { window, maxRunningTasks = null } = limits;
  sql.openTenant(tenant, window, maxRunningTasks);
  sql.countTenant(0, 0, bytes, tenant);
}

/** Moves a task between the counts; UNSPECIFIED = it is new. */
export function tally(
  { sql }: Operation,
  { tenant }: TaskEntry,
  previous: TaskState,
  state: TaskState,
): void {
  const queued = Number(isQueued(state)) - Number(isQueued(previous));
  const running = Number(state === TaskState.RUNNING) - Number(previous === TaskState.RUNNING);
  if (queued !== 0 || running !== 0) sql.countTenant(queued, running, 0, tenant);
}

function isQueued(state: TaskState): boolean {
  return state === TaskState.QUEUED || state === TaskState.RETRY_WAIT;
}

export function countBytes({ sql }: Operation, tenant: string, bytes: number): void {
  if (bytes !== 0) sql.countTenant(0, 0, bytes, tenant);
}

export function countTokens({ sql, nowMs }: Operation, tenant: string, tokenCount: number): void {
  if (tokenCount > 0) sql.countTokens(dayOf(nowMs), tokenCount, tenant);
}

/** The caller saves the entry. */
export function hold(op: Operation, entry: TaskEntry): void {
  entry.heldLevel = HELD_LEVELS[levelIndex(entry.task.priority)] ?? 0;
  entry.heldSinceMs = op.nowMs;
  op.sql.countLine(entry.tenant, entry.queue, 0, 1);
}

/** The caller saves the entry. */
export function unhold(op: Operation, entry: TaskEntry): void {
  entry.heldLevel = null;
  entry.heldSinceMs = null;
  op.sql.countLine(entry.tenant, entry.queue, 0, -1);
}

/** Whether its tenant may run no more; then it is held. */
export function isAtRunningLimit({ sql }: Operation, { tenant }: TaskEntry): boolean {
  const row = sql.tenant.get(tenant);
  if (!row || row.max_running === null) return false;
  return row.running_count >= row.max_running;
}

/** Lets ring what may of a tenant's held tasks, at most `limit`. `shown`: an entry in somebody's hand. */
export function letRing(op: Operation, tenant: string, limit: number, shown?: TaskEntry): void {
  const row = op.sql.tenant.get(tenant);
  if (!row) return;
  let left = limit;
  for (const line of op.sql.heldLines.all(tenant)) {
    let { rung_count: rungCount } = line;
    while (left > 0 && freePlaces(limitsOf(row), rungCount, row.running_count) > 0) {
      const next = nextOf(op, tenant, line.queue);
      if (!next) break;
      rungCount++;
      left--;
      ringHeld(op, next, shown);
    }
  }
}

function limitsOf({ window, max_running }: TenantRow) {
  return { window, maxRunningTasks: max_running ?? undefined };
}

function nextOf({ sql, nowMs }: Operation, tenant: string, queue: string): HeldRow | undefined {
  const heads = HELD_LEVELS.flatMap((level) => {
    const task = sql.heldHead.get(tenant, queue, level);
    return task ? [{ level, sinceMs: task.held_since, task }] : [];
  });
  const wasRisensTurn = sql.line.get(tenant, queue)?.is_risens_turn !== 0;
  const next = nextHeld(heads, nowMs, wasRisensTurn);
  if (!next) return undefined;
  if (next.isRisensTurn !== wasRisensTurn) sql.setTurn(next.isRisensTurn ? 1 : 0, tenant, queue);
  return next.head.task;
}

function ringHeld(op: Operation, { id }: HeldRow, shown: TaskEntry | undefined): void {
  op.sql.ringHeld(op.nowMs, id);
  const row = op.sql.taskById.get(id);
  if (!row) return;
  const entry = entryOf(row);
  op.sql.countLine(entry.tenant, entry.queue, 1, -1);
  figuresOf(op, entry.queue).readyCount++;
  op.doorbells.push(doorbell(op, entry));
  if (shown?.id !== id) return;
  const { ready, published, rungAtMs, heldLevel, heldSinceMs } = entry;
  Object.assign(shown, { ready, published, rungAtMs, heldLevel, heldSinceMs });
}

/** What is counted as it changes. */
export function countsOf({ sql, nowMs }: Reading, tenant: string) {
  const row = sql.tenant.get(tenant);
  return {
    queuedCount: row?.queued_count ?? 0,
    runningCount: row?.running_count ?? 0,
    tokenCount: row?.token_day === dayOf(nowMs) ? row.token_count : 0,
    storedBytes: row?.stored_bytes ?? 0,
  };
}

/** Sessions with a context, at most `limit`; -1 = all. */
export function countSessions({ sql }: Reading, tenant: string, limit: number): number {
  return sql.sessionCount.get(tenant, limit)?.found ?? 0;
}

function usageOf(op: Reading, tenant: string): TenantUsage {
  return {
    ...countsOf(op, tenant),
    heldCount: op.sql.heldCount.get(tenant)?.found ?? 0,
    sessionCount: countSessions(op, tenant, -1),
  };
}

export function createTenants(
  db: Database,
  clearTenant: (op: Operation, tenant: string, limit: number) => ClearedTenant,
): TenantStore {
  return {
    usage: (tenant) => db.read((op) => usageOf(op, tenant)),
    holding: (afterTenant, limit) =>
      db.read(({ sql }) => sql.holding.all(afterTenant, limit).map(({ tenant }) => tenant)),
    schedule: (tenant, { window, maxRunningTasks = null }, limit) =>
      db.write((op) => {
        if (isClosed(op, tenant)) return { effects: effectsOf(op) };
        op.sql.openTenant(tenant, window, maxRunningTasks);
        letRing(op, tenant, limit);
        return { effects: effectsOf(op) };
      }),
    close: (tenant) => db.write((op) => closeTenant(op, tenant)),
    clear: (tenant, limit) => db.write((op) => clearTenant(op, tenant, limit)),
  };
}
