/**
 * The keys that an issuer signs with (RFC 7517). They are read when a token needs them, again once
 * they are old, and when a token names one that is not among them: so a rotation needs no restart.
 * Tokens cannot make us ask more often than once in COOLDOWN_MS. Old keys outlive an outage.
 */
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from "jose";
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { AgentlaneError, isKind } from "../../errors.ts";
import { readDocument } from "./json-document.ts";

export interface SigningKeysParts {
  /** Must be the document's own, too. */
  readonly issuer: string;
  /** A URL or a file; undefined = what the issuer's discovery document names. */
  readonly jwks: string | undefined;
  readonly clock: Clock;
  readonly onWarning: (message: string, error: unknown) => void;
}

export const MAX_AGE_MS = 10 * 60_000;
export const COOLDOWN_MS = 10_000;

const jwksSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(200) });
const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url() });

export function createSigningKeys(parts: SigningKeysParts): JWTVerifyGetKey {
  const { clock } = parts;
  let current: ReturnType<typeof createLocalJWKSet> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let lastFailure: AgentlaneError | undefined;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    askedAt = clock.monotonic();
    try {
      const document = await readDocument(parts.jwks ?? (await discovered(parts.issuer)));
      current = createLocalJWKSet(checked(jwksSchema, document, "it is no JWK set"));
      readAt = askedAt;
      lastFailure = undefined;
    } catch (error) {
      if (!isKind(error, "unavailable")) throw error;
      lastFailure = error;
      parts.onWarning("the keys that tokens are signed with cannot be read", error);
    } finally {
      reading = undefined;
    }
  }

  /** Once for all who wait, and not too often. */
  async function refresh(): Promise<void> {
    if (!reading && clock.monotonic() - askedAt < COOLDOWN_MS) return;
    reading ??= read();
    await reading;
  }

  return async (header, token) => {
    if (clock.monotonic() - readAt >= MAX_AGE_MS) await refresh();
    if (!current) throw lastFailure ?? unread();
    try {
      return await current(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await refresh();
      return current(header, token);
    }
  };
}

/** OpenID Connect Discovery 1.0, section 4. */
async function discovered(issuer: string): Promise<string> {
  const place = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const found = checked(discoverySchema, await readDocument(place), "it is no discovery document");
  if (found.issuer === issuer) return found.jwks_uri;
  throw unusable(`${place} is of the issuer ${found.issuer}, and JWT_ISSUER is ${issuer}`);
}

function checked<T>(schema: z.ZodType<T>, document: unknown, otherwise: string): T {
  const { data, error } = schema.safeParse(document);
  if (error) throw unusable(`${otherwise}: ${error.message}`);
  return data;
}

function unusable(message: string): AgentlaneError {
  return new AgentlaneError("unavailable", "KEYS_UNAVAILABLE", message);
}

function unread(): AgentlaneError {
  return unusable("the keys that tokens are signed with have not been read yet");
}
