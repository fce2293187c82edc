/**
 * The part of the Store seam that shares an installation between tenants. A task that is accepted with
 * a quota counts for its tenant until it is deleted. While it is ready it either rings, at priority
 * NORMAL, or is held: not ready for `claim`, `ready` and figures until a place in its tenant's window
 * is free. Places are given away in the step that frees them: by priority, a level more for every
 * HELD_AGEING_MS of waiting, so that none starves.
 */
import type { Effects } from "./contract.ts";

export interface TenantLimits {
  /** Ready tasks that ring at once in each queue; ≥ 1. */
  readonly window: number;
  /** A claim beyond it is refused and its task held; undefined = no limit, as for all below. */
  readonly maxRunningTasks?: number | undefined;
  /** QUEUED and RETRY_WAIT. */
  readonly maxQueuedTasks?: number | undefined;
  /** Sessions with a committed turn; a task of one that has none is refused beyond it. */
  readonly maxLiveSessions?: number | undefined;
  /** By day of UTC: the total tokens of results, counted as their attempts end. */
  readonly maxTokensPerDay?: number | undefined;
  /** Requests of tasks that are kept, and committed contexts. */
  readonly maxStoredBytes?: number | undefined;
}

/** What an accept is measured by. `create` refuses with `resource_exhausted` (quotaExceeded). */
export interface Quota {
  readonly limits: TenantLimits;
  /** What the task adds to the stored bytes. */
  readonly bytes: number;
}

/**
 * Of tasks that were accepted with a quota, and of the contexts that were committed and imported since
 * the tenant is known by one, or by `schedule`.
 */
export interface TenantUsage {
  /** QUEUED and RETRY_WAIT. */
  readonly queuedCount: number;
  readonly runningCount: number;
  /** Those of the queued ones that wait for a place in the tenant's window. */
  readonly heldCount: number;
  readonly sessionCount: number;
  /** Of the current day of UTC. */
  readonly tokenCount: number;
  readonly storedBytes: number;
}

export interface TenantStore {
  /** Zeros for a tenant that is not known. */
  usage(tenant: string): Promise<TenantUsage>;
  /** Tenants that hold tasks, by name, after a name ("" = from the start). */
  holding(afterTenant: string, limit: number): Promise<string[]>;
  /**
   * Makes the tenant known, replaces the window and the limit on running tasks, which are else those of the last accept, and
   * lets ring what may ring now, at most `limit` tasks.
   */
  schedule(
    tenant: string,
    limits: Pick<TenantLimits, "window" | "maxRunningTasks">,
    limit: number,
  ): Promise<{ effects: Effects }>;
  /**
   * Nothing new of the tenant is accepted from here on: `create`, `import` and a new API key are
   * refused with `failed_precondition` (TENANT_DELETED), `schedule` does nothing. Idempotent.
   */
  close(tenant: string): Promise<void>;
  /**
   * A step of deleting all that is kept of a closed tenant, credentials excepted (credential-contract.ts).
   * Each step is atomic, and bounded by `limit` tasks or sessions and, as adapters need it, by their
   * logs. Unfinished tasks are canceled first; a running attempt loses its lease and is told to stop.
   * Of the tenant nothing but being closed is left once a step answers `isDone`, and that ends
   * CLOSED_FOR_MS later. A repeat goes on where another one has ended.
   */
  clear(tenant: string, limit: number): Promise<ClearedTenant>;
}

/** What a step has deleted. */
export interface ClearedTenant {
  readonly isDone: boolean;
  readonly taskCount: number;
  /** Those of them that had not ended. */
  readonly canceledCount: number;
  /** Sessions with a committed turn. */
  readonly sessionCount: number;
  readonly effects: Effects;
}

/**
 * How long a tenant stays closed after its last row: until calls that its credentials had opened before
 * are over, whose bodies may come slowly.
 */
export const CLOSED_FOR_MS = 2 * 60_000;

export type LimitName = "queuedTasks" | "liveSessions" | "tokensPerDay" | "storedBytes";
