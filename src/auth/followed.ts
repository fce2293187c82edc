/**
 * Bearer tokens that open calls were let in with. Each is asked about again when it is believed no more,
 * once for all its calls, and its calls are told when it has ended: at its expiry, at once where it was
 * revoked here, and elsewhere within TRUST_MS and an answer of what is asked.
 */
import type { Clock, Timer } from "../clock.ts";
import { AgentlaneError, isKind } from "../errors.ts";
import type { Principal } from "../tasks/principal.ts";
import type { Accepted } from "./accepted.ts";
import type { FollowCredential } from "./contract.ts";

export interface FollowedTokens {
  /** `confirm`: what is valid now, as for a call that comes with the token. */
  follow(
    token: string,
    principal: Principal,
    confirm: () => Promise<Principal | undefined>,
  ): FollowCredential;
  /** They open nothing any more. */
  end(isEnded: (principal: Principal) => boolean): void;
}

/** Between an answer and the next question, also where the answer took as long as it is good for. */
const MIN_PAUSE_MS = 1000;

type OnEnd = Parameters<FollowCredential>[0];

interface Followed {
  readonly token: string;
  readonly principal: Principal;
  readonly confirm: () => Promise<Principal | undefined>;
  /** One a call that is open; never empty. */
  readonly calls: Map<symbol, OnEnd>;
  /** As `Verified` says. */
  expiresAtMs: number | undefined;
  checkTimer: Timer | undefined;
  expiryTimer: Timer | undefined;
}

export function createFollowedTokens(clock: Clock, accepted: Accepted): FollowedTokens {
  /** As many as there are open calls, at most. A call holds its token anyway, in its headers. */
  const followed = new Map<string, Followed>();

  function forget(one: Followed): void {
    one.checkTimer?.clear();
    one.expiryTimer?.clear();
    if (followed.get(one.token) === one) followed.delete(one.token);
  }

  function finish(one: Followed, reason: AgentlaneError): void {
    forget(one);
    const told = [...one.calls.values()];
    one.calls.clear();
    for (const onEnd of told) onEnd(reason);
  }

  function look(one: Followed): void {
    const standing = accepted.standing(one.token);
    if (standing) lookIn(one, standing.trustedForMs);
    else void ask(one);
  }

  function lookIn(one: Followed, delayMs: number): void {
    one.checkTimer = clock.setTimer(delayMs, () => look(one));
  }

  async function ask(one: Followed): Promise<void> {
    let principal: Principal | undefined;
    let failure: unknown;
    try {
      principal = await one.confirm();
    } catch (error) {
      failure = error;
    }
    if (one.calls.size === 0) return;
    const { trustedForMs = 0 } = accepted.standing(one.token) ?? {};
    if (principal) lookIn(one, Math.max(trustedForMs, MIN_PAUSE_MS));
    else if (failure !== undefined) finish(one, uncheckable(failure));
    else finish(one, isOver(one) ? credentialExpired() : credentialRevoked());
  }

  const isOver = ({ expiresAtMs }: Followed): boolean =>
    expiresAtMs !== undefined && expiresAtMs <= clock.now();

  function begin(one: Followed): void {
    followed.set(one.token, one);
    one.expiresAtMs = accepted.standing(one.token)?.expiresAtMs;
    if (one.expiresAtMs !== undefined) {
      const expire = (): void => finish(one, credentialExpired());
      one.expiryTimer = clock.setTimer(one.expiresAtMs - clock.now(), expire);
    }
    look(one);
  }

  return {
    follow: (token, principal, confirm) => (onEnd) => {
      const id = Symbol();
      const one = followed.get(token) ?? {
        ...{ token, principal, confirm, calls: new Map() },
        ...{ expiresAtMs: undefined, checkTimer: undefined, expiryTimer: undefined },
      };
      one.calls.set(id, onEnd);
      if (one.calls.size === 1) begin(one);
      return () => {
        const isLast = one.calls.delete(id) && one.calls.size === 0;
        if (isLast) forget(one);
      };
    },
    end(isEnded) {
      for (const one of [...followed.values()]) {
        if (isEnded(one.principal)) finish(one, credentialRevoked());
      }
    },
  };
}

/** Ends calls at an instant of their credential's own. */
export function followUntil(clock: Clock, expiresAtMs: number): FollowCredential {
  return (onEnd) => {
    const timer = clock.setTimer(expiresAtMs - clock.now(), () => onEnd(credentialExpired()));
    return () => timer.clear();
  };
}

function credentialExpired(): AgentlaneError {
  return ended("CREDENTIALS_EXPIRED", "the credentials of this call have expired");
}

/** Deleted with its tenant, or of a signing key that was withdrawn: a caller is told the same. */
function credentialRevoked(): AgentlaneError {
  return ended("CREDENTIALS_REVOKED", "the credentials of this call are no longer valid");
}

function ended(reason: string, what: string): AgentlaneError {
  const message = `${what}: it ends here, and what it has started goes on. Call with others`;
  return new AgentlaneError("unauthenticated", reason, message);
}

/** What the authenticator says of a new call that it cannot decide about. */
function uncheckable(error: unknown): AgentlaneError {
  if (error instanceof AgentlaneError && isKind(error, "unavailable")) return error;
  const message = "the credentials of an open call could not be checked";
  return new AgentlaneError("internal", "AUTHENTICATION_FAILED", message, { cause: error });
}
