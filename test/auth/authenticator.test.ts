import { describe, expect, test } from "vitest";
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { GRACE_MS, TRUST_MS } from "../../src/auth/accepted.ts";
import { FAILURE_INTERVAL_MS, MAX_FAILURES } from "../../src/auth/failure-limiter.ts";
import { AgentlaneError } from "../../src/errors.ts";
import type { CredentialStore } from "../../src/store/credential-contract.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import { authScene } from "./scene.ts";

/** A store that several processes share, that counts and that can be away. */
function sharedStore(clock: FakeClock) {
  const { credentials } = createMemoryStore({ clock });
  const state = { isAway: false, findCount: 0, useCount: 0 };
  const shared: CredentialStore = {
    ...credentials,
    async find(keyId) {
      state.findCount += 1;
      if (state.isAway) throw new AgentlaneError("unavailable", "STORE_AWAY", "it is away");
      return credentials.find(keyId);
    },
    async markUsed(keyId, atMs) {
      state.useCount += 1;
      return credentials.markUsed(keyId, atMs);
    },
  };
  return { shared, state };
}

describe("an API key", () => {
  test("is the principal that it was made for", async () => {
    const scene = authScene({ clock: fakeClock() });
    const { token, keyId } = await scene.key({ roles: [AccessRole.READ], agentIds: ["echo"] });
    expect(await scene.who(token)).toEqual({
      tenant: "acme",
      subject: `api-key:${keyId}`,
      roles: new Set([AccessRole.READ]),
      agentIds: new Set(["echo"]),
    });
  });

  test("is asked about once in the time it is believed, however many calls there are", async () => {
    const clock = fakeClock();
    const { shared, state } = sharedStore(clock);
    const scene = authScene({ clock, credentials: shared });
    const { token } = await scene.key();
    await Promise.all(Array.from({ length: 100 }, () => scene.who(token)));
    expect(state.findCount).toBe(1);
    await clock.advance(TRUST_MS - 1);
    await scene.who(token);
    expect(state.findCount).toBe(1);
    await clock.advance(1);
    await Promise.all(Array.from({ length: 100 }, () => scene.who(token)));
    expect(state.findCount).toBe(2);
  });

  test("that is revoked opens nothing: here at once, elsewhere after 5 s", async () => {
    const clock = fakeClock();
    const { shared } = sharedStore(clock);
    const here = authScene({ clock, credentials: shared });
    const there = authScene({ clock, credentials: shared });
    const { token, keyId } = await here.key();
    await here.who(token);
    expect(await there.who(token)).toBeDefined();
    await here.apiKeys.revoke(keyId);
    expect(await here.who(token)).toBeUndefined();
    expect(TRUST_MS).toBe(5000);
    await clock.advance(5000);
    expect(await there.who(token)).toBeUndefined();
  });

  test("ends when it expires, believed or not", async () => {
    const clock = fakeClock();
    const { shared, state } = sharedStore(clock);
    const scene = authScene({ clock, credentials: shared });
    const { token } = await scene.key({ validForMs: 1000 });
    expect(await scene.who(token)).toBeDefined();
    await clock.advance(1000);
    expect(await scene.who(token)).toBeUndefined();
    state.isAway = true;
    await expect(scene.who(token)).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("that was at work goes on while the store is away, for a while", async () => {
    const clock = fakeClock();
    const { shared, state } = sharedStore(clock);
    const scene = authScene({ clock, credentials: shared });
    const [used, unused] = [await scene.key(), await scene.key()];
    await scene.who(used.token);
    state.isAway = true;
    await clock.advance(TRUST_MS);
    expect(await scene.who(used.token)).toBeDefined();
    const findCount = state.findCount;
    for (let call = 0; call < 50; call++) await scene.who(used.token);
    expect(state.findCount).toBe(findCount);
    await expect(scene.who(unused.token)).rejects.toMatchObject({
      kind: "unavailable",
      reason: "AUTHENTICATION_UNAVAILABLE",
    });
    await clock.advance(GRACE_MS);
    await expect(scene.who(used.token)).rejects.toMatchObject({ kind: "unavailable" });
    state.isAway = false;
    expect(await scene.who(used.token)).toBeDefined();
  });

  test("that is revoked while the store is away is refused once it is back", async () => {
    const clock = fakeClock();
    const { shared, state } = sharedStore(clock);
    const scene = authScene({ clock, credentials: shared });
    const { token, keyId } = await scene.key();
    await scene.who(token);
    await shared.revoke(keyId, clock.now());
    state.isAway = true;
    await clock.advance(TRUST_MS);
    expect(await scene.who(token)).toBeDefined();
    state.isAway = false;
    await clock.advance(1000);
    expect(await scene.who(token)).toBeUndefined();
  });

  test("notes its last use once a minute", async () => {
    const clock = fakeClock();
    const { shared, state } = sharedStore(clock);
    const scene = authScene({ clock, credentials: shared });
    const { token, keyId } = await scene.key();
    for (let second = 0; second < 120; second += 5) {
      await scene.who(token);
      await clock.advance(5000);
    }
    expect(state.useCount).toBe(2);
    const lastUsedAt = (await shared.find(keyId))?.key?.lastUsedAt;
    expect(Number(lastUsedAt?.seconds)).toBe(Math.floor(clock.now() / 1000) - 60);
  });

  test("is nowhere in what the store keeps", async () => {
    const clock = fakeClock();
    const { shared } = sharedStore(clock);
    const { token, keyId } = await authScene({ clock, credentials: shared }).key();
    const stored = await shared.find(keyId);
    expect(stored?.secretHash).toHaveLength(32);
    expect(JSON.stringify(stored, (_, value) => `${value}`)).not.toContain(token.slice(-43));
  });
});

describe("who fails too often", () => {
  const wrong = (count: number): string =>
    `al_${String(count).padStart(16, "0")}_${"A".repeat(43)}`;

  test("is answered without work, and others are not", async () => {
    const clock = fakeClock();
    const { shared, state } = sharedStore(clock);
    const scene = authScene({ clock, credentials: shared });
    const { token } = await scene.key();
    const known = await scene.key();
    await scene.who(known.token, "192.0.2.66");
    for (let count = 0; count < MAX_FAILURES; count++) {
      expect(await scene.who(wrong(count), "192.0.2.66")).toBeUndefined();
    }
    const findCount = state.findCount;
    const refused = { kind: "resource_exhausted", reason: "TOO_MANY_FAILED_AUTHENTICATIONS" };
    for (const each of [wrong(99), token, "nonsense"]) {
      await expect(scene.who(each, "192.0.2.66")).rejects.toMatchObject({
        ...refused,
        retryAfterMs: FAILURE_INTERVAL_MS,
      });
    }
    expect(state.findCount).toBe(findCount);
    expect(await scene.who(token, "192.0.2.67")).toBeDefined();
    // Somebody behind the same proxy, at work before.
    await clock.advance(FAILURE_INTERVAL_MS - 1);
    expect(await scene.who(known.token, "192.0.2.66")).toBeDefined();
    await expect(scene.who(wrong(99), "192.0.2.66")).rejects.toMatchObject(refused);
    await clock.advance(1);
    expect(await scene.who(wrong(99), "192.0.2.66")).toBeUndefined();
    await expect(scene.who(wrong(99), "192.0.2.66")).rejects.toMatchObject(refused);
  });

  test("has one bucket for an IPv6 /64 and for an IPv4 address however it is written", async () => {
    const scene = authScene({ clock: fakeClock() });
    const pairs = [
      ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"],
      ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"],
    ] as const;
    for (const [first, same, other] of pairs) {
      for (let count = 0; count < MAX_FAILURES; count++) await scene.who(wrong(count), first);
      await expect(scene.who(wrong(0), same)).rejects.toThrow();
      expect(await scene.who(wrong(0), other)).toBeUndefined();
    }
  });

  test("at the same moment leaves a debt", async () => {
    const clock = fakeClock();
    const scene = authScene({ clock });
    await Promise.all(Array.from({ length: 100 }, (_, count) => scene.who(wrong(count))));
    await clock.advance(70 * FAILURE_INTERVAL_MS);
    await expect(scene.who(wrong(0))).rejects.toMatchObject({ kind: "resource_exhausted" });
    await clock.advance(12 * FAILURE_INTERVAL_MS);
    expect(await scene.who(wrong(0))).toBeUndefined();
  });

  test("is not who has good credentials, however many come at once", async () => {
    const scene = authScene({ clock: fakeClock() });
    const keys = await Promise.all(Array.from({ length: 200 }, () => scene.key()));
    const found = await Promise.all(keys.map(({ token }) => scene.who(token)));
    expect(found.every((principal) => principal !== undefined)).toBe(true);
  });
});
