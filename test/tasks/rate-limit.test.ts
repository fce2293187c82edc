import { expect, it } from "vitest";
import type { AgentlaneError } from "../../src/errors.ts";
import { createRateLimit } from "../../src/tasks/rate-limit.ts";
import type { TenantRule } from "../../src/tasks/tenant-policy.ts";
import { fakeClock } from "../fakes/fake-clock.ts";

function limited(rule: Partial<TenantRule> | undefined) {
  const clock = fakeClock();
  const limit = createRateLimit({ ruleOf: () => rule && { weight: 1, ...rule } }, clock);
  /** How long the caller is told to wait; 0 = let through. */
  const call = (tenant = "acme"): number => {
    try {
      limit(tenant);
    } catch (error) {
      return (error as AgentlaneError).retryAfterMs ?? Number.NaN;
    }
    return 0;
  };
  return { clock, call, limit };
}

it("lets a burst through, and then as many as come in time", async () => {
  const { clock, call } = limited({ requestsPerSecond: 10, burst: 3 });
  expect([call(), call(), call(), call()]).toEqual([0, 0, 0, 100]);
  await clock.advance(100);
  expect([call(), call()]).toEqual([0, 100]);
  await clock.advance(60_000);
  expect([call(), call(), call(), call()]).toEqual([0, 0, 0, 100]);
});

it("tells the exact wait: a call then is let through, one before is not", async () => {
  const { clock, call } = limited({ requestsPerSecond: 3, burst: 1 });
  call();
  const waitMs = call();
  await clock.advance(waitMs - 1);
  expect(call()).toBeGreaterThan(0);
  await clock.advance(1);
  expect(call()).toBe(0);
});

it("does not count what it has refused", async () => {
  const { clock, call } = limited({ requestsPerSecond: 1, burst: 1 });
  call();
  for (let index = 0; index < 100; index++) call();
  await clock.advance(1000);
  expect(call()).toBe(0);
});

it("goes on with what is missing when the rule changes, at the new rate", () => {
  const clock = fakeClock();
  let rule: TenantRule = { weight: 1, requestsPerSecond: 0.001, burst: 1 };
  const limit = createRateLimit({ ruleOf: () => rule }, clock);
  limit("acme");
  expect(() => limit("acme")).toThrow();
  rule = { weight: 1, requestsPerSecond: 10, burst: 2 };
  limit("acme");
  expect(() => limit("acme")).toThrowError(expect.objectContaining({ retryAfterMs: 100 }));
});

it("takes a second's worth as burst where none is named", () => {
  const { call } = limited({ requestsPerSecond: 2 });
  expect([call(), call(), call()]).toEqual([0, 0, 500]);
});

it("keeps tenants apart, in bounded memory", () => {
  const { call } = limited({ requestsPerSecond: 1, burst: 1 });
  expect([call("a"), call("b"), call("a")]).toEqual([0, 0, 1000]);
  for (let index = 0; index < 20_000; index++) call(`t${index}`);
  expect(call("t19999")).toBe(1000);
});

it("limits nobody without a rule, or without a rate in it", () => {
  for (const rule of [undefined, {}]) {
    const { call } = limited(rule);
    for (let index = 0; index < 1000; index++) expect(call()).toBe(0);
  }
});

it("names the limit and the tenant", () => {
  const { call, limit } = limited({ requestsPerSecond: 1, burst: 1 });
  call();
  expect(() => limit("acme")).toThrowError(
    expect.objectContaining({
      kind: "resource_exhausted",
      reason: "TENANT_REQUEST_RATE",
      quota: { tenant: "acme", description: expect.stringContaining("1 requests a second") },
    }),
  );
});
