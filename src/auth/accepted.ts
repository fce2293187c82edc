/**
 * Credentials that were valid a moment ago. They are believed for TRUST_MS without being asked about
 * again: that is how long a revocation may take to reach a process that did not make it. While what
 * would have to be asked is away, they are believed for up to GRACE_MS, so that an outage of the store
 * locks out nobody who was at work.
 */
import { hash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { isKind } from "../errors.ts";
import type { Principal } from "../tasks/principal.ts";
import type { Verified } from "./scheme.ts";

export const TRUST_MS = 5_000;
export const GRACE_MS = 5 * 60_000;
/** While what would have to be asked is away, it is asked this often. */
const RETRY_MS = 1_000;
/** Those used longest ago are asked about again. */
const MAX_ENTRIES = 10_000;

export interface Accepted {
  /** Believed without being asked about. */
  recall(token: string): Principal | undefined;
  /** How it stands with what was valid a moment ago; undefined = it is to be asked about. */
  standing(token: string): Standing | undefined;
  /** Whether it was valid within the grace: somebody who is known, not somebody who guesses. */
  isKnown(token: string): boolean;
  /** What `verify` says, and only one at a time is asked for a token. */
  confirm(
    token: string,
    verify: () => Promise<Verified | undefined>,
  ): Promise<Principal | undefined>;
  /** Forgets principals. */
  drop(isDropped: (principal: Principal) => boolean): void;
}

export interface Standing {
  /** It is believed without being asked about for so long; > 0. */
  readonly trustedForMs: number;
  /** As `Verified` says. */
  readonly expiresAtMs: number | undefined;
}

interface Entry extends Verified {
  /** Of the monotonic clock, as the others. */
  readonly confirmedAt: number;
  trustedUntil: number;
}

export function createAccepted(clock: Clock): Accepted {
  /** By a hash of the token: no secret stays in memory. Confirmed longest ago first. */
  const entries = new Map<string, Entry>();
  const confirming = new Map<string, Promise<Principal | undefined>>();

  function known(name: string): Entry | undefined {
    const entry = entries.get(name);
    if (!entry) return undefined;
    const isOver = entry.expiresAtMs !== undefined && entry.expiresAtMs <= clock.now();
    if (!isOver && clock.monotonic() < entry.confirmedAt + GRACE_MS) return entry;
    entries.delete(name);
    return undefined;
  }

  function keep(name: string, verified: Verified, askedAt: number): void {
    entries.delete(name);
    entries.set(name, { ...verified, confirmedAt: askedAt, trustedUntil: askedAt + TRUST_MS });
    const [oldest] = entries.keys();
    if (entries.size > MAX_ENTRIES && oldest !== undefined) entries.delete(oldest);
  }

  async function ask(
    name: string,
    verify: () => Promise<Verified | undefined>,
  ): Promise<Principal | undefined> {
    const askedAt = clock.monotonic();
    try {
      const verified = await verify();
      if (verified) keep(name, verified, askedAt);
      else entries.delete(name);
      return verified?.principal;
    } catch (error) {
      const entry = isKind(error, "unavailable") ? known(name) : undefined;
      if (!entry) throw error;
      entry.trustedUntil = clock.monotonic() + RETRY_MS;
      return entry.principal;
    }
  }

  return {
    recall(token) {
      const entry = known(nameOf(token));
      return entry && clock.monotonic() < entry.trustedUntil ? entry.principal : undefined;
    },
    standing(token) {
      const entry = known(nameOf(token));
      const trustedForMs = entry ? entry.trustedUntil - clock.monotonic() : 0;
      return entry && trustedForMs > 0
        ? { trustedForMs, expiresAtMs: entry.expiresAtMs }
        : undefined;
    },
    isKnown: (token) => known(nameOf(token)) !== undefined,
    confirm(token, verify) {
      const name = nameOf(token);
      const asked =
        confirming.get(name) ?? ask(name, verify).finally(() => confirming.delete(name));
      confirming.set(name, asked);
      return asked;
    },
    drop(isDropped) {
      for (const [name, { principal }] of entries) {
        if (isDropped(principal)) entries.delete(name);
      }
    },
  };
}

function nameOf(token: string): string {
  return hash("sha256", token, "base64");
}
