import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { connect } from "../../sdk/typescript/src/node.ts";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import {
  anyCertificate,
  type CertificateEntry,
  certificatePrincipals,
  readCertificates,
} from "../../src/auth/certificates.ts";
import { systemClock } from "../../src/clock.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import { type Certificates, createCertificates } from "../server/certificates.ts";
import { startTestServer, type TestServer } from "../server/test-server.ts";

const grant = { tenant: "acme", roles: ["submit"] };
const entry = (fields: Partial<CertificateEntry>): CertificateEntry => ({ ...grant, ...fields });

let certificates: Certificates;
let certificate: X509Certificate;
beforeAll(() => {
  certificates = createCertificates();
  certificate = new X509Certificate(certificates.client.cert);
});

describe("a certificate", () => {
  const who = (...entries: CertificateEntry[]) =>
    certificatePrincipals(entries)({ address: "", certificate });

  test("is who the first entry that fits says", () => {
    const found = who(
      entry({ subject: { CN: "other" } }),
      entry({ subject: { CN: "client" }, agents: ["echo"] }),
      entry({ san: "DNS:localhost", tenant: "blue" }),
    );
    expect(found).toEqual({
      tenant: "acme",
      subject: "certificate:CN=client",
      roles: new Set([AccessRole.SUBMIT]),
      agentIds: new Set(["echo"]),
    });
  });

  test("fits by an alternative name and by its fingerprint", () => {
    expect(who(entry({ san: "DNS:localhost" }))).toBeDefined();
    expect(who(entry({ san: "IP Address:127.0.0.1" }))).toBeDefined();
    expect(who(entry({ fingerprint: certificate.fingerprint256 }))).toBeDefined();
    expect(
      who(entry({ fingerprint: certificate.fingerprint256.replaceAll(":", "") })),
    ).toBeDefined();
  });

  test.each([
    ["part of a name", { san: "DNS:local" }],
    ["two names as one", { san: "DNS:localhost, IP Address:127.0.0.1" }],
    ["a name without its kind", { san: "localhost" }],
    ["an attribute it does not have", { subject: { CN: "client", O: "Acme" } }],
    ["another fingerprint", { fingerprint: "00".repeat(32) }],
    ["a name and another subject", { san: "DNS:localhost", subject: { CN: "other" } }],
  ])("does not fit %s", (_, fields) => {
    expect(who(entry(fields))).toBeUndefined();
  });

  test("is nobody where there is none", () => {
    const peer = { address: "", certificate: undefined };
    expect(certificatePrincipals([entry({ subject: { CN: "client" } })])(peer)).toBeUndefined();
    expect(anyCertificate(peer)).toBeUndefined();
    expect(anyCertificate({ address: "", certificate })?.roles.has(AccessRole.ADMIN)).toBe(false);
  });
});

describe("the file", () => {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-certificates-"));
  const path = join(folder, "certificates.json");
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ["{", /JSON/],
    ['{"certificates":[]}', /certificates/],
    ['{"certificates":[{"tenant":"acme","roles":["submit"]}]}', /subject, san or fingerprint/],
    ['{"certificates":[{"san":"DNS:x","tenant":"a#b","roles":["submit"]}]}', /tenant/],
    ['{"certificates":[{"san":"DNS:x","tenant":"acme","roles":["root"]}]}', /roles/],
    ['{"certificates":[{"san":"DNS:x","tenant":"acme","roles":["read"],"agent":"x"}]}', /agent/],
    ['{"certificates":[{"subject":{},"tenant":"acme","roles":["read"]}]}', /subject/],
  ])("%s is refused", async (text, reason) => {
    writeFileSync(path, text);
    const read = readCertificates(path);
    await expect(read).rejects.toMatchObject({ kind: "invalid_argument" });
    await expect(read).rejects.toThrow(/TLS_CLIENT_PRINCIPALS/);
    await expect(read).rejects.toThrow(reason);
  });
});

test("a certificate that expires opens nothing more on its connection, and ends its calls", async () => {
  const expiresAtMs = certificate.validToDate.getTime();
  const clock = fakeClock(expiresAtMs - 1000);
  const { authenticate } = createAuthenticator({
    ...{ clock, schemes: [], hook: undefined },
    certificates: certificatePrincipals([entry({ subject: { CN: "client" } })]),
  });
  const approach = { headers: {}, peer: { address: "", certificate } };
  const reasons: string[] = [];
  const admission = await authenticate(approach);
  admission?.follow?.(({ reason }) => reasons.push(reason));
  await clock.advance(999);
  expect(reasons).toEqual([]);
  expect(await authenticate(approach)).toBeDefined();
  await clock.advance(1);
  expect(reasons).toEqual(["CREDENTIALS_EXPIRED"]);
  expect(await authenticate(approach)).toBeUndefined();
});

describe("over TLS, where a certificate is optional", () => {
  let server: TestServer;
  beforeAll(async () => {
    const { authenticate } = createAuthenticator({
      clock: systemClock,
      schemes: [],
      certificates: certificatePrincipals([entry({ subject: { CN: "client" } })]),
      hook: undefined,
    });
    const { ca, server: own } = certificates;
    server = await startTestServer({
      options: { tls: { ...own, clientCa: ca, clientCertificateOptional: true } },
      parts: { authenticate },
    });
  });
  afterAll(() => server.server.stop());

  const turn = { agentId: "echo", text: "hello" };
  const clientWith = (client: { cert: string; key: string } | undefined, apiKey?: string) =>
    connect(server.url, { tls: { ca: certificates.ca, ...client }, apiKey });

  test("its holder is let in over HTTP/2, again and again", async () => {
    for (let connections = 0; connections < 3; connections++) {
      const client = clientWith(certificates.client);
      await client.execute(turn);
      client.close();
      expect(server.manager.runs.at(-1)?.principal).toMatchObject({
        ...{ tenant: "acme", subject: "certificate:CN=client" },
      });
    }
  });

  test("and over HTTP/1.1", async () => {
    const status = (client: { cert: string; key: string } | undefined): Promise<number> =>
      new Promise((resolve, reject) => {
        const call = request(`${server.url}/agentlane.v1.AgentService/Execute`, {
          method: "POST",
          ca: certificates.ca,
          ...client,
          agent: false,
          headers: { "content-type": "application/json" },
        });
        call.on("error", reject);
        call.on("response", (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        call.end('{"agentId":"echo","messages":[{"role":"ROLE_USER","content":[{"text":"x"}]}]}');
      });
    expect(await status(certificates.client)).toBe(200);
    expect(await status(undefined)).toBe(401);
  });

  test("nobody is without one, with one of another authority, or with a token beside it", async () => {
    const stranger = createCertificates().client;
    for (const client of [
      clientWith(undefined),
      clientWith(stranger),
      clientWith(certificates.server),
      clientWith(certificates.client, "al_no"),
    ]) {
      await expect(client.execute(turn)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
      client.close();
    }
  });
});
