import { expect, test } from "vitest";
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import type { Approach } from "../../src/auth/contract.ts";
import { createHook } from "../../src/auth/hook.ts";
import { fakeClock } from "../fakes/fake-clock.ts";

const APPROACH: Approach = {
  headers: { "x-user": "ada" },
  peer: { address: "192.0.2.1", certificate: undefined },
};
const ADA = { subject: "ada", tenant: "acme", roles: ["read"] };

function hookOf(authenticate: (request: object) => unknown, clock = fakeClock()) {
  return createHook({ authenticate }, "./module.js", clock);
}

test("is asked with headers and peer, and answers the principal", async () => {
  const asked: object[] = [];
  const hook = hookOf((request) => {
    asked.push(request);
    return { ...ADA, agents: ["echo"] };
  });
  expect(await hook(APPROACH)).toEqual({
    principal: {
      tenant: "acme",
      subject: "module:ada",
      roles: new Set([AccessRole.READ]),
      agentIds: new Set(["echo"]),
    },
  });
  expect(asked).toEqual([
    { headers: { "x-user": "ada" }, address: "192.0.2.1", certificate: undefined },
  ]);
});

test.each([[undefined], [null]])("answers nobody with %s", async (answer) => {
  expect(await hookOf(() => answer)(APPROACH)).toBeUndefined();
});

test.each([
  ["true", true],
  ["no tenant", { ...ADA, tenant: "" }],
  ["a tenant that could forge keys", { ...ADA, tenant: "acme:x" }],
  ["an unknown role", { ...ADA, roles: ["root"] }],
  ["no roles", { ...ADA, roles: [] }],
  ["no agents at all", { ...ADA, agents: [] }],
  ["what it may have misspelled", { ...ADA, agent: "echo" }],
])("is broken when it answers %s", async (_, answer) => {
  const asked = hookOf(() => answer)(APPROACH);
  await expect(asked).rejects.toMatchObject({ kind: "internal", reason: "AUTH_MODULE_BROKEN" });
});

test("is broken when it throws, at once or later", async () => {
  const broken = { kind: "internal", reason: "AUTH_MODULE_BROKEN" };
  const atOnce = hookOf(() => {
    throw new Error("x");
  });
  await expect(atOnce(APPROACH)).rejects.toMatchObject(broken);
  const later = hookOf(() => Promise.reject(new Error("x")));
  await expect(later(APPROACH)).rejects.toMatchObject(broken);
});

test("is broken when it does not answer in time, and leaves no timer behind", async () => {
  const clock = fakeClock();
  const asked = hookOf(() => new Promise(() => undefined), clock)(APPROACH);
  const outcome = asked.catch((error: unknown) => error);
  await clock.advance(5000);
  expect(await outcome).toMatchObject({ kind: "internal" });
  await hookOf(() => ADA, clock)(APPROACH);
  expect(clock.timerCount).toBe(0);
});

test("needs its function", () => {
  expect(() => createHook({ default: 1 }, "./module.js", fakeClock())).toThrow(/AUTH_MODULE/);
});

test("is not asked by who has failed too often, and is by many at once", async () => {
  const clock = fakeClock();
  let count = 0;
  const hook = hookOf(() => {
    count += 1;
    return count > 100 ? undefined : ADA;
  }, clock);
  const { authenticate } = createAuthenticator({
    ...{ clock, schemes: [], certificates: undefined, hook },
  });
  const found = await Promise.all(Array.from({ length: 100 }, () => authenticate(APPROACH)));
  expect(found.every((admission) => admission?.principal.tenant === "acme")).toBe(true);
  for (let calls = 0; calls < 20; calls++) expect(await authenticate(APPROACH)).toBeUndefined();
  await expect(authenticate(APPROACH)).rejects.toMatchObject({ kind: "resource_exhausted" });
  expect(count).toBe(120);
});

test("may say when the credential ends, and calls end then", async () => {
  const clock = fakeClock();
  const hook = hookOf(() => ({ ...ADA, expiresAt: new Date(clock.now() + 1000) }), clock);
  const { authenticate } = createAuthenticator({
    ...{ clock, schemes: [], certificates: undefined, hook },
  });
  const admission = await authenticate(APPROACH);
  const ends: string[] = [];
  admission?.follow?.(({ kind, reason }) => ends.push(kind, reason));
  await clock.advance(999);
  expect(ends).toEqual([]);
  await clock.advance(1);
  expect(ends).toEqual(["unauthenticated", "CREDENTIALS_EXPIRED"]);
  const past = hookOf(() => ({ ...ADA, expiresAt: new Date(clock.now()) }), clock);
  expect(await past(APPROACH)).toBeUndefined();
});
