/** What a tenant may have, as the tenants file says, and what the store is told of it. */
import type { TenantLimits } from "../store/tenant-contract.ts";

/** Undefined = no limit. */
export interface TenantRule {
  /** Its share of the workers beside others that are busy too; ≥ 1. */
  readonly weight: number;
  /** Of each process, over all its calls … */
  readonly requestsPerSecond?: number | undefined;
  /** … and how many of them may come at once. */
  readonly burst?: number | undefined;
  readonly maxQueuedTasks?: number | undefined;
  readonly maxRunningTasks?: number | undefined;
  readonly maxLiveSessions?: number | undefined;
  readonly tokensPerDay?: number | undefined;
  readonly maxStoredBytes?: number | undefined;
}

export interface TenantPolicy {
  /** Undefined = there is no tenants file: nothing is limited or counted. */
  ruleOf(tenant: string): TenantRule | undefined;
}

export const NO_POLICY: TenantPolicy = { ruleOf: () => undefined };

/**
 * Doorbells in a queue for each point of weight: enough to keep workers busy while the next ones are on
 * their way through a broker, few enough that others do not wait long behind them.
 */
const PLACES_PER_WEIGHT = 4;

export function storeLimits(rule: TenantRule): TenantLimits {
  return {
    window: PLACES_PER_WEIGHT * rule.weight,
    maxRunningTasks: rule.maxRunningTasks,
    maxQueuedTasks: rule.maxQueuedTasks,
    maxLiveSessions: rule.maxLiveSessions,
    maxTokensPerDay: rule.tokensPerDay,
    maxStoredBytes: rule.maxStoredBytes,
  };
}
