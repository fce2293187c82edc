/**
 * How often an address may fail to authenticate: a bucket of tokens for each, from which every failure
 * takes one. Whoever has none left is answered without work. Many that fail at the same moment are all
 * counted: they leave a debt, which takes as long to pay.
 */
import { isIPv6 } from "node:net";
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";

/** Failures at once … */
export const MAX_FAILURES = 20;
/** … and then one in this time. */
export const FAILURE_INTERVAL_MS = 3_000;
const MAX_DEBT = 1_000;
/** Addresses that have failed lately; those that failed longest ago are forgotten first. */
const MAX_ADDRESSES = 10_000;

export interface FailureLimiter {
  /** Throws `resource_exhausted` (TOO_MANY_FAILED_AUTHENTICATIONS) for an address with none left. */
  check(address: string): void;
  fail(address: string): void;
}

interface Bucket {
  /** At `filledAt`. */
  readonly left: number;
  /** Of the monotonic clock. */
  readonly filledAt: number;
}

export function createFailureLimiter(clock: Clock): FailureLimiter {
  const buckets = new Map<string, Bucket>();

  function leftOf({ left, filledAt }: Bucket): number {
    const gained = (clock.monotonic() - filledAt) / FAILURE_INTERVAL_MS;
    return Math.min(MAX_FAILURES, left + gained);
  }

  return {
    check(address) {
      const name = networkOf(address);
      const bucket = buckets.get(name);
      if (!bucket) return;
      const left = leftOf(bucket);
      if (left < 1) throw tooManyFailures((1 - left) * FAILURE_INTERVAL_MS);
      if (left >= MAX_FAILURES) buckets.delete(name);
    },
    fail(address) {
      const name = networkOf(address);
      const bucket = buckets.get(name);
      const left = Math.max(-MAX_DEBT, (bucket ? leftOf(bucket) : MAX_FAILURES) - 1);
      buckets.delete(name);
      buckets.set(name, { left, filledAt: clock.monotonic() });
      const [oldest] = buckets.keys();
      if (buckets.size > MAX_ADDRESSES && oldest !== undefined) buckets.delete(oldest);
    },
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

/** An IPv6 host has a whole /64 to call from. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = address.toLowerCase().split("%", 1).join("").split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const rest = tail === "" ? 0 : tail.split(":").length;
    while (groups.length + rest < 8) groups.push("0");
  }
  return groups
    .slice(0, 4)
    .map((group) => group.padStart(4, "0"))
    .join(":");
}
