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
import type { Approach, Authenticate, Peer } from "./contract.ts";
import { createFailureLimiter } from "./failure-limiter.ts";
import type { BearerScheme } from "./scheme.ts";

export interface AuthenticatorParts {
  readonly clock: Clock;
  readonly schemes: readonly BearerScheme[];
  /** A client certificate's principal, if it has one. */
  readonly certificates: ((peer: Peer) => Principal | undefined) | undefined;
  readonly hook: ((approach: Approach) => Promise<Principal | undefined>) | undefined;
}

export interface Authenticator {
  readonly authenticate: Authenticate;
  /** A key was revoked: it is not believed any more. */
  forgetKey(keyId: string): void;
}

export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const { schemes, certificates, hook } = parts;
  const accepted = createAccepted(parts.clock);
  const limiter = createFailureLimiter(parts.clock);

  async function attempt(
    address: string,
    decide: () => Promise<Principal | undefined>,
  ): Promise<Principal | undefined> {
    limiter.check(address);
    const principal = await decide();
    if (!principal) limiter.fail(address);
    return principal;
  }

  function byToken(scheme: BearerScheme, token: string, address: string) {
    const recalled = accepted.recall(token);
    if (recalled) return recalled;
    const confirm = () => accepted.confirm(token, () => scheme.verify(token));
    // Who is known is not locked out by others behind the same address.
    return known(accepted.isKnown(token) ? confirm() : attempt(address, confirm));
  }

  return {
    authenticate(approach) {
      const { headers, peer } = approach;
      const { authorization } = headers;
      const token = authorization === undefined ? undefined : bearerOf(authorization);
      const scheme = token === undefined ? undefined : schemes.find((each) => each.isMeant(token));
      if (scheme && token !== undefined) return byToken(scheme, token, peer.address);
      const byCertificate = (): Principal | undefined =>
        authorization === undefined ? certificates?.(peer) : undefined;
      if (hook) {
        return attempt(peer.address, async () => (await hook(approach)) ?? byCertificate());
      }
      const principal = byCertificate();
      if (!principal && authorization !== undefined) {
        limiter.check(peer.address);
        limiter.fail(peer.address);
      }
      return principal;
    },
    forgetKey: (keyId) => accepted.drop((principal) => isOfKey(principal, keyId)),
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
