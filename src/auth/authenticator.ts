/**
 * Authentication: which of the configured ways decides about a caller, and who has failed too often.
 * A bearer token is decided by the scheme whose form it has and by no other; the hook is asked about
 * everything else, and a client certificate counts where there is no `authorization` at all.
 */
import type { Clock } from "../clock.ts";
import { AgentlaneError, isKind } from "../errors.ts";
import type { Principal } from "../tasks/principal.ts";
import { createAccepted } from "./accepted.ts";
import { isOfKey } from "./api-key-scheme.ts";
import type { Admission, Approach, Authenticate, Peer } from "./contract.ts";
import { createFailureLimiter } from "./failure-limiter.ts";
import { createFollowedTokens, followUntil } from "./followed.ts";
import type { BearerScheme, Verified } from "./scheme.ts";

export interface AuthenticatorParts {
  readonly clock: Clock;
  readonly schemes: readonly BearerScheme[];
  /** A client certificate's principal, if it has one. */
  readonly certificates: ((peer: Peer) => Principal | undefined) | undefined;
  readonly hook: ((approach: Approach) => Promise<Verified | undefined>) | undefined;
}

export interface Authenticator {
  readonly authenticate: Authenticate;
  /** A key was revoked: it is not believed any more, and calls that it opened end. */
  forgetKey(keyId: string): void;
}

export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const { schemes, certificates, hook, clock } = parts;
  const accepted = createAccepted(clock);
  const followed = createFollowedTokens(clock, accepted);
  const limiter = createFailureLimiter(clock);

  async function attempt<T>(
    address: string,
    decide: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    limiter.check(address);
    const decided = await decide();
    if (!decided) limiter.fail(address);
    return decided;
  }

  function byToken(scheme: BearerScheme, token: string, address: string) {
    const ask = () => accepted.confirm(token, () => scheme.verify(token));
    const admitted = (principal: Principal): Admission => ({
      principal,
      follow: followed.follow(token, principal, () => known(ask())),
    });
    const recalled = accepted.recall(token);
    if (recalled) return admitted(recalled);
    // Who is known is not locked out by others behind the same address.
    const asked = accepted.isKnown(token) ? ask() : attempt(address, ask);
    return known(asked).then((principal) => principal && admitted(principal));
  }

  function byCertificate(peer: Peer): Admission | undefined {
    const expiresAtMs = peer.certificate?.validToDate.getTime();
    // A connection may outlast the certificate that opened it.
    if (expiresAtMs === undefined || expiresAtMs <= clock.now()) return undefined;
    const principal = certificates?.(peer);
    return principal && { principal, follow: followUntil(clock, expiresAtMs) };
  }

  async function byHook(ask: NonNullable<typeof hook>, approach: Approach) {
    const verified = await ask(approach);
    if (!verified) return undefined;
    const { principal, expiresAtMs } = verified;
    return expiresAtMs === undefined
      ? { principal }
      : { principal, follow: followUntil(clock, expiresAtMs) };
  }

  return {
    authenticate(approach) {
      const { headers, peer } = approach;
      const { authorization } = headers;
      const token = authorization === undefined ? undefined : bearerOf(authorization);
      const scheme = token === undefined ? undefined : schemes.find((each) => each.isMeant(token));
      if (scheme && token !== undefined) return byToken(scheme, token, peer.address);
      const instead = (): Admission | undefined =>
        authorization === undefined ? byCertificate(peer) : undefined;
      if (hook) {
        return attempt(peer.address, async () => (await byHook(hook, approach)) ?? instead());
      }
      const admission = instead();
      if (!admission && authorization !== undefined) {
        limiter.check(peer.address);
        limiter.fail(peer.address);
      }
      return admission;
    },
    forgetKey(keyId) {
      const isForgotten = (principal: Principal): boolean => isOfKey(principal, keyId);
      accepted.drop(isForgotten);
      followed.end(isForgotten);
    },
  };
}

/** Callers are not told what is behind: which store, which issuer. */
async function known(asked: Promise<Principal | undefined>): Promise<Principal | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (!isKind(error, "unavailable")) throw error;
    throw new AgentlaneError(
      "unavailable",
      "AUTHENTICATION_UNAVAILABLE",
      "credentials cannot be checked now: call again",
      {
        cause: error,
        ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
      },
    );
  }
}

function bearerOf(authorization: string): string | undefined {
  return /^bearer +([!-~]+) *$/i.exec(authorization)?.[1];
}
