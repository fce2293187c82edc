/**
 * The form of API keys: `al_<id>_<secret>`. The prefix lets scanners find a key that has leaked, the id
 * finds its record, and the secret is 256 random bits. Of such a secret one SHA-256 is as good as a
 * slow hash: nobody can guess it, however fast he hashes, and it is checked on the path of every call.
 */
import { hash, randomBytes, timingSafeEqual } from "node:crypto";

const ID_BYTES = 8;
const SECRET_BYTES = 32;
const FORM = /^al_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

export interface ApiKeyToken {
  readonly keyId: string;
  readonly secret: string;
}

export function newApiKeyToken(): ApiKeyToken {
  return {
    keyId: randomBytes(ID_BYTES).toString("hex"),
    secret: randomBytes(SECRET_BYTES).toString("base64url"),
  };
}

export function writeApiKeyToken({ keyId, secret }: ApiKeyToken): string {
  return `al_${keyId}_${secret}`;
}

/** Whether it is meant to be an API key, well-formed or not. */
export function isApiKeyToken(token: string): boolean {
  return token.startsWith("al_");
}

export function readApiKeyToken(token: string): ApiKeyToken | undefined {
  const [, keyId, secret] = FORM.exec(token) ?? [];
  return keyId !== undefined && secret !== undefined ? { keyId, secret } : undefined;
}

export function hashSecret(secret: string): Buffer {
  return hash("sha256", secret, "buffer");
}

/** Takes the same time whatever differs. */
export function isSecretOf(secret: string, secretHash: Uint8Array): boolean {
  const given = hashSecret(secret);
  return given.length === secretHash.length && timingSafeEqual(given, secretHash);
}
