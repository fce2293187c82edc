/**
 * How often a remote address may do what it should not: a bucket of tokens for each, from which every
 * time takes one. Many at the same moment are all counted: they leave a debt, which takes as long to pay.
 */
import { isIPv6 } from "node:net";
import type { Clock } from "./clock.ts";

export interface AddressTokensOptions {
  /** At once … */
  readonly burst: number;
  /** … and then one in this time. */
  readonly intervalMs: number;
}

export interface AddressTokens {
  /** Until the address has a token; 0 = it has one. */
  waitMs(address: string): number;
  take(address: string): void;
}

const MAX_DEBT = 1_000;
/** Addresses that have lately taken some; those that did so longest ago are forgotten first. */
const MAX_ADDRESSES = 10_000;

interface Bucket {
  /** At `filledAt`. */
  readonly left: number;
  /** Of the monotonic clock. */
  readonly filledAt: number;
}

export function createAddressTokens(
  clock: Clock,
  { burst, intervalMs }: AddressTokensOptions,
): AddressTokens {
  const buckets = new Map<string, Bucket>();

  function leftOf({ left, filledAt }: Bucket): number {
    return Math.min(burst, left + (clock.monotonic() - filledAt) / intervalMs);
  }

  return {
    waitMs(address) {
      const name = networkOf(address);
      const bucket = buckets.get(name);
      if (!bucket) return 0;
      const left = leftOf(bucket);
      if (left >= burst) buckets.delete(name);
      return Math.max(0, (1 - left) * intervalMs);
    },
    take(address) {
      const name = networkOf(address);
      const bucket = buckets.get(name);
      const left = Math.max(-MAX_DEBT, (bucket ? leftOf(bucket) : burst) - 1);
      buckets.delete(name);
      buckets.set(name, { left, filledAt: clock.monotonic() });
      const [oldest] = buckets.keys();
      if (buckets.size > MAX_ADDRESSES && oldest !== undefined) buckets.delete(oldest);
    },
  };
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
