import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterEach, describe, expect, test } from "vitest";
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { createJwtScheme, type JwtOptions } from "../../src/auth/jwt/jwt-scheme.ts";
import { COOLDOWN_MS, MAX_AGE_MS } from "../../src/auth/jwt/signing-keys.ts";
import { fakeClock } from "../fakes/fake-clock.ts";

interface Provider {
  readonly issuer: string;
  /** Makes a key the newest; the older ones go on being published until `forget`. */
  rotate(alg?: string): Promise<void>;
  forget(): void;
  sign(claims?: Record<string, unknown>): Promise<string>;
  readonly counts: { discovery: number; jwks: number };
  /** Instead of its answers. */
  answer: ((path: string) => { status: number; body: string } | undefined) | undefined;
}

let listening: Server | undefined;
afterEach(() => {
  listening?.closeAllConnections();
  listening?.close();
  listening = undefined;
});

const clock = fakeClock(1_900_000_000_000);

/** An OpenID Connect provider. */
async function provider(): Promise<Provider> {
  const keys: { jwk: JWK; privateKey: CryptoKey; alg: string; kid: string }[] = [];
  const counts = { discovery: 0, jwks: 0 };
  const self: Provider = {
    issuer: "",
    counts,
    answer: undefined,
    async rotate(alg = "RS256") {
      const { publicKey, privateKey } = await generateKeyPair(alg);
      const kid = `k${keys.length + 1}`;
      keys.push({ jwk: { ...(await exportJWK(publicKey)), kid, alg }, privateKey, alg, kid });
    },
    forget: () => void keys.splice(0, keys.length - 1),
    async sign(claims = {}) {
      const key = keys.at(-1);
      if (!key) throw new Error("no key");
      const nowS = clock.now() / 1000;
      const good = { iss: self.issuer, aud: "agentlane", sub: "ada", exp: nowS + 60 };
      return new SignJWT({ ...good, tenant: "acme", roles: "submit read other", ...claims })
        .setProtectedHeader({ alg: key.alg, kid: key.kid })
        .sign(key.privateKey);
    },
  };
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    const isDiscovery = path === "/.well-known/openid-configuration";
    counts[isDiscovery ? "discovery" : "jwks"] += 1;
    const own = self.answer?.(path);
    const document = isDiscovery
      ? { issuer: self.issuer, jwks_uri: `${self.issuer}/jwks` }
      : { keys: keys.map(({ jwk }) => jwk) };
    response.statusCode = own?.status ?? 200;
    response.end(own?.body ?? JSON.stringify(document));
  });
  listening = server;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  await self.rotate();
  return Object.assign(self, { issuer: `http://127.0.0.1:${port}` });
}

function schemeOf({ issuer }: Provider, overrides: Partial<JwtOptions> = {}) {
  return createJwtScheme({
    options: {
      ...{ issuer, audiences: ["agentlane"], jwks: undefined, algorithms: ["RS256", "ES256"] },
      clockSkewMs: 30_000,
      claims: { tenant: "tenant", subject: "sub", roles: "roles", agents: "agents" },
      defaultTenant: undefined,
      ...overrides,
    },
    clock,
    onWarning: () => undefined,
  });
}

describe("a token", () => {
  test("of an issuer found by discovery is who it says, until it expires", async () => {
    const issuer = await provider();
    const verified = await schemeOf(issuer).verify(await issuer.sign({ agents: ["echo"] }));
    expect(verified).toEqual({
      principal: {
        tenant: "acme",
        subject: "jwt:ada",
        roles: new Set([AccessRole.SUBMIT, AccessRole.READ]),
        agentIds: new Set(["echo"]),
      },
      expiresAtMs: clock.now() + 90_000,
    });
  });

  test("names its claims as the configuration says", async () => {
    const issuer = await provider();
    const scheme = schemeOf(issuer, {
      defaultTenant: "default",
      claims: {
        tenant: "org.id",
        subject: "email",
        roles: "realm_access.roles",
        agents: "https://example.com/agents",
      },
    });
    const claims = {
      ...{ email: "ada@example.com", realm_access: { roles: ["operate"] } },
      "https://example.com/agents": "echo demo",
    };
    const verified = await scheme.verify(await issuer.sign(claims));
    expect(verified?.principal).toMatchObject({
      ...{ tenant: "default", subject: "jwt:ada@example.com" },
      roles: new Set([AccessRole.OPERATE]),
      agentIds: new Set(["echo", "demo"]),
    });
    const acme = await scheme.verify(await issuer.sign({ ...claims, org: { id: "acme" } }));
    expect(acme?.principal.tenant).toBe("acme");
    const proto = await schemeOf(issuer, {
      claims: { tenant: "__proto__", subject: "constructor.name", roles: "roles", agents: "a" },
    }).verify(await issuer.sign());
    expect(proto).toBeUndefined();
  });

  test("may be off by the clocks' skew and no more", async () => {
    const issuer = await provider();
    const scheme = schemeOf(issuer);
    const nowS = clock.now() / 1000;
    expect(await scheme.verify(await issuer.sign({ exp: nowS - 29 }))).toBeDefined();
    expect(await scheme.verify(await issuer.sign({ exp: nowS - 31 }))).toBeUndefined();
    expect(await scheme.verify(await issuer.sign({ nbf: nowS + 29 }))).toBeDefined();
    expect(await scheme.verify(await issuer.sign({ nbf: nowS + 31 }))).toBeUndefined();
  });

  test("is signed with an algorithm that was named", async () => {
    const issuer = await provider();
    await issuer.rotate("PS256");
    expect(await schemeOf(issuer).verify(await issuer.sign())).toBeUndefined();
    const named = schemeOf(issuer, { algorithms: ["PS256"] });
    expect(await named.verify(await issuer.sign())).toBeDefined();
  });
});

describe("signing keys", () => {
  test("are read once for many tokens, and again when they are old", async () => {
    const issuer = await provider();
    const scheme = schemeOf(issuer);
    const token = await issuer.sign({ exp: clock.now() / 1000 + 3600 });
    await Promise.all(Array.from({ length: 50 }, () => scheme.verify(token)));
    expect(issuer.counts).toEqual({ discovery: 1, jwks: 1 });
    await clock.advance(MAX_AGE_MS);
    await scheme.verify(token);
    expect(issuer.counts).toEqual({ discovery: 2, jwks: 2 });
  });

  test("that are rotated in are found, those rotated out are refused", async () => {
    const issuer = await provider();
    const scheme = schemeOf(issuer);
    const old = await issuer.sign({ exp: clock.now() / 1000 + 3600 });
    expect(await scheme.verify(old)).toBeDefined();
    await issuer.rotate();
    await clock.advance(COOLDOWN_MS);
    expect(await scheme.verify(await issuer.sign())).toBeDefined();
    expect(await scheme.verify(old)).toBeDefined();
    issuer.forget();
    await clock.advance(MAX_AGE_MS);
    expect(await scheme.verify(old)).toBeUndefined();
  });

  test("are not asked for more often because of tokens that name others", async () => {
    const issuer = await provider();
    const scheme = schemeOf(issuer);
    await scheme.verify(await issuer.sign());
    const stranger = await provider();
    await stranger.rotate();
    for (let count = 0; count < 20; count++) {
      expect(await scheme.verify(await stranger.sign({ iss: issuer.issuer }))).toBeUndefined();
    }
    expect(issuer.counts.jwks).toBe(1);
  });

  test("outlive an outage of the issuer; without any, nobody can tell", async () => {
    const issuer = await provider();
    const scheme = schemeOf(issuer);
    issuer.answer = () => ({ status: 503, body: "" });
    await expect(scheme.verify(await issuer.sign())).rejects.toMatchObject({ kind: "unavailable" });
    issuer.answer = undefined;
    await clock.advance(COOLDOWN_MS);
    expect(await scheme.verify(await issuer.sign())).toBeDefined();
    issuer.answer = () => ({ status: 503, body: "" });
    await clock.advance(MAX_AGE_MS);
    expect(await scheme.verify(await issuer.sign())).toBeDefined();
  });

  test.each([
    ["too much", { status: 200, body: `{"keys":[],"x":"${"x".repeat(300_000)}"}` }],
    ["no JSON", { status: 200, body: "<html>" }],
    ["no key set", { status: 200, body: '{"keys":7}' }],
    ["a redirect", { status: 302, body: "" }],
  ])("are not taken from %s", async (_, answer) => {
    const issuer = await provider();
    issuer.answer = (path) => (path === "/jwks" ? answer : undefined);
    const verified = schemeOf(issuer).verify(await issuer.sign());
    await expect(verified).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("are not taken from the discovery document of another issuer", async () => {
    const issuer = await provider();
    const jwks = JSON.stringify({
      issuer: "https://other.example",
      jwks_uri: `${issuer.issuer}/jwks`,
    });
    issuer.answer = (path) => (path === "/jwks" ? undefined : { status: 200, body: jwks });
    const verified = schemeOf(issuer).verify(await issuer.sign());
    await expect(verified).rejects.toThrow(/other\.example/);
  });
});
