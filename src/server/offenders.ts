/**
 * Addresses whose connections had to be ended. Each such connection has cost its share, and its client
 * may come again at once: so only few are ended for it before new ones are no longer taken, for a while.
 * Connections that are open, other clients' behind the same address too, go on.
 */
import { type AddressTokens, createAddressTokens } from "../address-tokens.ts";
import type { Clock } from "../clock.ts";

/** Connections ended at once … */
export const MAX_ENDED = 5;
/** … and then one in this time. */
export const ENDED_INTERVAL_MS = 2_000;

export type Offenders = AddressTokens;

export function createOffenders(clock: Clock): Offenders {
  return createAddressTokens(clock, { burst: MAX_ENDED, intervalMs: ENDED_INTERVAL_MS });
}

/**
 * Whether an error of a socket says that its client breaks the protocol: frames in the wrong number or
 * order, headers without end, what is no HTTP. A client that goes away in the middle only goes away.
 */
export function isOffence(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? `${error.code}` : "";
  if (code === "HPE_INVALID_EOF_STATE") return false;
  return code.startsWith("HPE_") || HTTP2_OFFENCES.has(code);
}

const HTTP2_OFFENCES: ReadonlySet<string> = new Set([
  "ERR_HTTP2_ERROR",
  "ERR_HTTP2_TOO_MANY_INVALID_FRAMES",
]);
