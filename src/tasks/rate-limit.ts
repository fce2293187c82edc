/** How often a tenant may call this process: a token bucket each, kept as one instant. */
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import type { TenantPolicy } from "./tenant-policy.ts";

/** Throws `resource_exhausted` (TENANT_REQUEST_RATE) with the exact wait. */
export type LimitRate = (tenant: string) => void;

/** Buckets kept before full ones are dropped; a credential may name any number of tenants. */
const MAX_BUCKETS = 10_000;

/**
 * The generic cell rate algorithm (ITU-T I.371): of a bucket it is enough to know when it will be full.
 * An accepted call moves that instant on by the time in which one token comes.
 */
export function createRateLimit(policy: TenantPolicy, clock: Clock): LimitRate {
  /** When the bucket is full, on the monotonic clock; one that is not here is full. */
  const fullAt = new Map<string, number>();

  return (tenant) => {
    const rule = policy.ruleOf(tenant);
    if (rule?.requestsPerSecond === undefined) return;
    const tokenMs = 1000 / rule.requestsPerSecond;
    const burst = rule.burst ?? Math.max(1, Math.ceil(rule.requestsPerSecond));
    const nowMs = clock.monotonic();
    const nextFullAt = Math.max(fullAt.get(tenant) ?? nowMs, nowMs) + tokenMs;
    // A thousandth of a millisecond, for what sums of fractions are off.
    const waitMs = nextFullAt - nowMs - burst * tokenMs - 0.001;
    if (waitMs > 0) throw tooMany(tenant, rule.requestsPerSecond, waitMs);
    fullAt.set(tenant, nextFullAt);
    if (fullAt.size > MAX_BUCKETS) dropFull(fullAt, nowMs);
  };
}

function dropFull(fullAt: Map<string, number>, nowMs: number): void {
  for (const [tenant, at] of fullAt) if (at <= nowMs) fullAt.delete(tenant);
  // Still too many: the oldest, who get their bucket full again.
  for (const tenant of fullAt.keys()) {
    if (fullAt.size <= MAX_BUCKETS) return;
    fullAt.delete(tenant);
  }
}

function tooMany(tenant: string, perSecond: number, waitMs: number): AgentlaneError {
  const description = `more than ${perSecond} requests a second came from the tenant; wait as long as RetryInfo says`;
  return new AgentlaneError("resource_exhausted", "TENANT_REQUEST_RATE", description, {
    retryAfterMs: Math.ceil(waitMs),
    quota: { tenant, description },
  });
}
