/** Bearer tokens that are JSON Web Tokens of one issuer (RFC 7519, RFC 8725). */
import { errors, jwtVerify } from "jose";
import type { Clock } from "../../clock.ts";
import type { BearerScheme, Verified } from "../scheme.ts";
import { type ClaimNames, principalOfClaims } from "./claims.ts";
import { createSigningKeys } from "./signing-keys.ts";

export interface JwtOptions {
  readonly issuer: string;
  /** One of them is enough. */
  readonly audiences: readonly string[];
  /** A URL or a file; undefined = what the issuer's discovery document names. */
  readonly jwks: string | undefined;
  /** Asymmetric ones: a public key must not be taken for a shared secret, and `none` signs nothing. */
  readonly algorithms: readonly string[];
  /** How far our clock and the issuer's may differ. */
  readonly clockSkewMs: number;
  readonly claims: ClaimNames;
  /** Of tokens without a tenant; undefined = such tokens are refused. */
  readonly defaultTenant: string | undefined;
}

export interface JwtSchemeParts {
  readonly options: JwtOptions;
  readonly clock: Clock;
  readonly onWarning: (message: string, error: unknown) => void;
}

const FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;

export function createJwtScheme({ options, clock, onWarning }: JwtSchemeParts): BearerScheme {
  const keys = createSigningKeys({ ...options, clock, onWarning });
  return {
    isMeant: (token) => FORM.test(token),
    async verify(token): Promise<Verified | undefined> {
      try {
        const { payload } = await jwtVerify(token, keys, {
          issuer: options.issuer,
          audience: [...options.audiences],
          algorithms: [...options.algorithms],
          clockTolerance: options.clockSkewMs / 1000,
          currentDate: new Date(clock.now()),
          requiredClaims: ["exp"],
        });
        const principal = principalOfClaims(payload, options.claims, options.defaultTenant);
        const expiresAtMs = (payload.exp ?? 0) * 1000 + options.clockSkewMs;
        return principal && { principal, expiresAtMs };
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}
