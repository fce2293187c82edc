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
  /** One that is not here is full. */
  const buckets = new Map<string, Bucket>();

  return (tenant) => {
    const rule = policy.ruleOf(tenant);
    if (rule?.requestsPerSecond === undefined) return;
    const tokenMs = 1000 / rule.requestsPerSecond;
    const burst = rule.burst ?? Math.max(1, Math.ceil(rule.requestsPerSecond));
    const nowMs = clock.monotonic();
    const missing = missingTokens(buckets.get(tenant), nowMs);
    const nextFullAt = nowMs + (missing + 1) * tokenMs;
    // A thousandth of a millisecond, for what sums of fractions are off.
    const waitMs = nextFullAt - nowMs - burst * tokenMs - 0.001;
    if (waitMs > 0) throw tooMany(tenant, rule.requestsPerSecond, waitMs);
    buckets.set(tenant, { fullAt: nextFullAt, tokenMs });
    if (buckets.size > MAX_BUCKETS) dropFull(buckets, nowMs);
  };
}

interface Bucket {
  /** On the monotonic clock. */
  readonly fullAt: number;
  /** In which one token came when `fullAt` was computed: the rule may have changed since. */
  readonly tokenMs: number;
}

function missingTokens(bucket: Bucket | undefined, nowMs: number): number {
  return bucket ? Math.max(0, bucket.fullAt - nowMs) / bucket.tokenMs : 0;
}

function dropFull(buckets: Map<string, Bucket>, nowMs: number): void {
  for (const [tenant, { fullAt }] of buckets) if (fullAt <= nowMs) buckets.delete(tenant);
  // Still too many: the oldest, who get their bucket full again.
  for (const tenant of buckets.keys()) {
    if (buckets.size <= MAX_BUCKETS) return;
    buckets.delete(tenant);
  }
}

function tooMany(tenant: string, perSecond: number, waitMs: number): AgentlaneError {
  const description = `more than ${perSecond} requests a second came from the tenant; wait as long as RetryInfo says`;
  return new AgentlaneError("resource_exhausted", "TENANT_REQUEST_RATE", description, {
    retryAfterMs: Math.ceil(waitMs),
    quota: { tenant, description },
  });
}
