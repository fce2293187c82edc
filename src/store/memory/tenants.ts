/** What tenants have, and which of their ready tasks ring. Tasks without a quota do not come here. */
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { Link } from "../../linked-list.ts";
import { LinkedList } from "../../linked-list.ts";
import { freePlaces, HELD_LEVELS, type HeldHead, levelIndex, nextHeld } from "../held-order.ts";
import { dayOf } from "../quota.ts";
import type { ClearedTenant, TenantLimits, TenantStore, TenantUsage } from "../tenant-contract.ts";
import { closeTenant, isClosed } from "./closed.ts";
import {
  begin,
  effectsOf,
  type MemoryState,
  type Operation,
  type TaskEntry,
  tenantTable,
} from "./state.ts";

/** Of a tenant, from its first accept with a quota on. */
export interface TenantAccount {
  limits: Pick<TenantLimits, "window" | "maxRunningTasks">;
  queuedCount: number;
  runningCount: number;
  storedBytes: number;
  /** The day that the tokens are of, as dayOf counts. */
  tokenDay: number;
  tokenCount: number;
  /** By queue. */
  readonly lines: Map<string, TenantLine>;
}

/** A tenant's ready tasks of one queue. */
interface TenantLine {
  rungCount: number;
  heldCount: number;
  /** In the order of HELD_LEVELS. */
  readonly held: readonly LinkedList<HeldTask>[];
  isRisensTurn: boolean;
}

export interface HeldTask {
  readonly entry: TaskEntry;
  readonly sinceMs: number;
}

/** What a task is to its tenant; undefined in its entry when it was accepted without a quota. */
export interface Counted {
  readonly account: TenantAccount;
  readonly bytes: number;
  /** While it is held. */
  heldLink: Link<HeldTask> | undefined;
}

export function newAccount(limits: TenantAccount["limits"]): TenantAccount {
  return {
    limits,
    queuedCount: 0,
    runningCount: 0,
    storedBytes: 0,
    tokenDay: 0,
    tokenCount: 0,
    lines: new Map(),
  };
}

/** Moves a task between the counts; UNSPECIFIED = it is new. */
export function tally({ account }: Counted, previous: TaskState, state: TaskState): void {
  if (isQueued(previous)) account.queuedCount--;
  if (isQueued(state)) account.queuedCount++;
  if (previous === TaskState.RUNNING) account.runningCount--;
  if (state === TaskState.RUNNING) account.runningCount++;
}

function isQueued(state: TaskState): boolean {
  return state === TaskState.QUEUED || state === TaskState.RETRY_WAIT;
}

export function countTokens({ account }: Counted, tokenCount: number, nowMs: number): void {
  const today = dayOf(nowMs);
  if (account.tokenDay !== today) account.tokenCount = 0;
  account.tokenDay = today;
  account.tokenCount += tokenCount;
}

export function hold(counted: Counted, entry: TaskEntry, nowMs: number): void {
  const line = lineOf(counted.account, entry.task.queue);
  const held = line.held[levelIndex(entry.task.priority)];
  counted.heldLink = held?.append({ entry, sinceMs: nowMs });
  line.heldCount++;
}

export function unhold(counted: Counted, queue: string): void {
  const line = lineOf(counted.account, queue);
  for (const held of line.held) held.remove(counted.heldLink);
  counted.heldLink = undefined;
  line.heldCount--;
}

export function countRung({ account }: Counted, queue: string, by: 1 | -1): void {
  lineOf(account, queue).rungCount += by;
}

export function isAtRunningLimit({ account }: Counted): boolean {
  return account.runningCount >= (account.limits.maxRunningTasks ?? Number.POSITIVE_INFINITY);
}

/** Takes tasks that may ring now out of their lines, at most `limit`; the caller rings. */
export function* freed(account: TenantAccount, nowMs: number, limit: number): Generator<TaskEntry> {
  let left = limit;
  for (const [queue, line] of account.lines) {
    while (left > 0 && freePlaces(account.limits, line.rungCount, account.runningCount) > 0) {
      const next = nextHeld(headsOf(line), nowMs, line.isRisensTurn);
      if (!next) break;
      line.isRisensTurn = next.isRisensTurn;
      const { task } = next.head;
      if (task.counted) unhold(task.counted, queue);
      line.rungCount++;
      left--;
      yield task;
    }
  }
}

function headsOf(line: TenantLine): HeldHead<TaskEntry>[] {
  if (line.heldCount === 0) return [];
  return line.held.flatMap(({ first }, index) => {
    const level = HELD_LEVELS[index] ?? 0;
    return first ? [{ level, sinceMs: first.sinceMs, task: first.entry }] : [];
  });
}

function lineOf({ lines }: TenantAccount, queue: string): TenantLine {
  let line = lines.get(queue);
  if (!line) {
    const held = HELD_LEVELS.map(() => new LinkedList<HeldTask>());
    line = { rungCount: 0, heldCount: 0, held, isRisensTurn: true };
    lines.set(queue, line);
  }
  return line;
}

function heldCountOf({ lines }: TenantAccount): number {
  return [...lines.values()].reduce((sum, { heldCount }) => sum + heldCount, 0);
}

export function usageOf(state: MemoryState, tenant: string, nowMs: number): TenantUsage {
  const table = state.tenants.get(tenant);
  const account = table?.account;
  return {
    queuedCount: account?.queuedCount ?? 0,
    runningCount: account?.runningCount ?? 0,
    heldCount: account ? heldCountOf(account) : 0,
    sessionCount: table?.used.size ?? 0,
    tokenCount: account?.tokenDay === dayOf(nowMs) ? account.tokenCount : 0,
    storedBytes: account?.storedBytes ?? 0,
  };
}

/** What of it is about tasks, whose room needs this one. */
export interface TenantParts {
  readonly letRing: (op: Operation, account: TenantAccount, limit: number) => void;
  readonly clearTenant: (state: MemoryState, tenant: string, limit: number) => ClearedTenant;
}

export function createTenants(
  state: MemoryState,
  { letRing, clearTenant }: TenantParts,
): TenantStore {
  return {
    async usage(tenant) {
      return usageOf(state, tenant, state.clock.now());
    },

    async holding(afterTenant, limit) {
      return [...state.tenants.values()]
        .filter(({ tenant, account }) => tenant > afterTenant && account && heldCountOf(account))
        .map(({ tenant }) => tenant)
        .sort()
        .slice(0, limit);
    },

    async schedule(tenant, { window, maxRunningTasks }, limit) {
      const op = begin(state);
      if (isClosed(state, tenant)) return { effects: effectsOf(op) };
      const table = tenantTable(state, tenant);
      table.account ??= newAccount({ window, maxRunningTasks });
      table.account.limits = { window, maxRunningTasks };
      letRing(op, table.account, limit);
      return { effects: effectsOf(op) };
    },

    async close(tenant) {
      closeTenant(state, tenant);
    },

    async clear(tenant, limit) {
      return clearTenant(state, tenant, limit);
    },
  };
}
