/** JSON Web Tokens for tests: an issuer with its keys in a file. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from "jose";

export const ISSUER = "https://login.example.com";
export const AUDIENCE = "agentlane";

export interface TestIssuer {
  /** The file with its public keys. */
  readonly jwks: string;
  /** Of its key; `claims` over those of a good token, undefined = left out. */
  sign(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Good in everything but that it is not signed. */
  unsigned(): string;
  /** Signed with the public key as if that were a secret. */
  confused(): Promise<string>;
  dispose(): void;
}

export async function createIssuer(nowMs: number): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const folder = mkdtempSync(join(tmpdir(), "agentlane-jwks-"));
  const jwks = join(folder, "jwks.json");
  const kid = "k1";
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid }] }));
  const nowS = Math.floor(nowMs / 1000);
  const good: JWTPayload = {
    ...{ iss: ISSUER, aud: AUDIENCE, sub: "ada", iat: nowS, exp: nowS + 3600 },
    ...{ tenant: "acme", roles: ["submit", "read", "operate", "admin"] },
  };
  const header = { alg: "ES256", kid };
  return {
    jwks,
    sign: (claims = {}) => {
      const kept = Object.entries({ ...good, ...claims }).filter(
        ([, value]) => value !== undefined,
      );
      return new SignJWT(Object.fromEntries(kept)).setProtectedHeader(header).sign(privateKey);
    },
    unsigned: () => new UnsecuredJWT(good).encode(),
    confused: async () => {
      const secret = new TextEncoder().encode(await exportSPKI(publicKey));
      return new SignJWT(good).setProtectedHeader({ alg: "HS256", kid }).sign(secret);
    },
    dispose: () => rmSync(folder, { recursive: true }),
  };
}
