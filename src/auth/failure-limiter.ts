/** How often an address may fail to authenticate; whoever has done so too often is answered without work. */
import { createAddressTokens } from "../address-tokens.ts";
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";

/** Failures at once … */
export const MAX_FAILURES = 20;
/** … and then one in this time. */
export const FAILURE_INTERVAL_MS = 3_000;

export interface FailureLimiter {
  /** Throws `resource_exhausted` (TOO_MANY_FAILED_AUTHENTICATIONS) for an address with none left. */
  check(address: string): void;
  fail(address: string): void;
}

export function createFailureLimiter(clock: Clock): FailureLimiter {
  const tokens = createAddressTokens(clock, {
    burst: MAX_FAILURES,
    intervalMs: FAILURE_INTERVAL_MS,
  });
  return {
    check(address) {
      const waitMs = tokens.waitMs(address);
      if (waitMs > 0) throw tooManyFailures(waitMs);
    },
    fail: tokens.take,
  };
}

function tooManyFailures(retryAfterMs: number): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "TOO_MANY_FAILED_AUTHENTICATIONS",
    "too many calls from this address had no valid credentials: wait before the next one",
    { retryAfterMs: Math.ceil(retryAfterMs) },
  );
}
