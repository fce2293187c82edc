/** What open calls learn of the credential that let them in. */
import { describe, expect, test } from "vitest";
import { GRACE_MS, TRUST_MS } from "../../src/auth/accepted.ts";
import type { Admission } from "../../src/auth/contract.ts";
import { AgentlaneError } from "../../src/errors.ts";
import type { CredentialStore } from "../../src/store/credential-contract.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import { authScene } from "./scene.ts";
import { createIssuer } from "./tokens.ts";

const REVOKED = ["unauthenticated CREDENTIALS_REVOKED"];
const EXPIRED = ["unauthenticated CREDENTIALS_EXPIRED"];

/** Two processes on a store that counts and that can be away. */
function scenes(clock: FakeClock) {
  const { credentials } = createMemoryStore({ clock });
  const state = { isAway: false, findCount: 0, delayMs: 0 };
  const shared: CredentialStore = {
    ...credentials,
    async find(keyId) {
      state.findCount += 1;
      if (state.delayMs > 0) await clock.sleep(state.delayMs);
      if (state.isAway) throw new AgentlaneError("unavailable", "STORE_AWAY", "it is away");
      return credentials.find(keyId);
    },
  };
  const scene = () => authScene({ clock, credentials: shared });
  return { here: scene(), there: scene(), state, credentials };
}

/** An open call: what it was told, in the order in which it was. */
function call(admission: Admission | undefined) {
  const told: string[] = [];
  const close = admission?.follow?.(({ kind, reason }) => void told.push(`${kind} ${reason}`));
  if (!close) throw new Error("the credential is not followed");
  return { told, close };
}

describe("a key", () => {
  test("that is revoked ends its open calls: here at once, elsewhere within 5 s", async () => {
    const clock = fakeClock();
    const { here, there } = scenes(clock);
    const { token, keyId } = await here.key();
    const other = await here.key();
    // The worst case: it was asked about just before it was revoked, and the call opens late.
    await there.admit(token);
    const near = [call(await here.admit(token)), call(await here.admit(token))];
    await here.apiKeys.revoke(keyId);
    for (const { told } of near) expect(told).toEqual(REVOKED);
    const bystander = call(await there.admit(other.token));
    await clock.advance(TRUST_MS - 1);
    const far = [call(await there.admit(token)), call(await there.admit(token))];
    for (const { told } of far) expect(told).toEqual([]);
    await clock.advance(1);
    for (const { told } of far) expect(told).toEqual(REVOKED);
    await clock.advance(10 * TRUST_MS);
    for (const { told } of [...near, ...far]) expect(told).toEqual(REVOKED);
    expect(bystander.told).toEqual([]);
    bystander.close();
    expect(clock.timerCount).toBe(0);
  });

  test("is asked about once in the time it is believed, however many calls it has open", async () => {
    const clock = fakeClock();
    const { here, state } = scenes(clock);
    const { token } = await here.key();
    const calls = [];
    for (let opened = 0; opened < 1000; opened++) calls.push(call(await here.admit(token)));
    expect(state.findCount).toBe(1);
    await clock.advance(10 * TRUST_MS);
    expect(state.findCount).toBe(11);
    // What other calls ask about it need not be asked again.
    for (let seconds = 0; seconds < 50; seconds++) {
      await clock.advance(1000);
      await here.admit(token);
    }
    expect(state.findCount).toBe(21);
    for (const { close } of calls) close();
    expect(clock.timerCount).toBe(0);
    await clock.advance(10 * TRUST_MS);
    expect(state.findCount).toBe(21);
  });

  test("ends its calls at its expiry, to the millisecond", async () => {
    const clock = fakeClock();
    const { here } = scenes(clock);
    const { token } = await here.key({ validForMs: 60_000 });
    const early = call(await here.admit(token));
    await clock.advance(59_999);
    const late = call(await here.admit(token));
    expect([...early.told, ...late.told]).toEqual([]);
    await clock.advance(1);
    expect([early.told, late.told]).toEqual([EXPIRED, EXPIRED]);
    expect(clock.timerCount).toBe(0);
  });

  test("that is deleted with its tenant ends its calls", async () => {
    const clock = fakeClock();
    const { there, credentials } = scenes(clock);
    const { token } = await there.key();
    const { told } = call(await there.admit(token));
    await credentials.forget("acme");
    await clock.advance(TRUST_MS);
    expect(told).toEqual(REVOKED);
  });

  test("that cannot be asked about is believed for the grace, and found out when it can be", async () => {
    const clock = fakeClock();
    const { here, there, state } = scenes(clock);
    const { token, keyId } = await here.key();
    const { token: good } = await here.key();
    const calls = { revoked: call(await there.admit(token)), good: call(await there.admit(good)) };
    state.isAway = true;
    await clock.advance(GRACE_MS / 2);
    expect([...calls.revoked.told, ...calls.good.told]).toEqual([]);
    await here.apiKeys.revoke(keyId);
    state.isAway = false;
    await clock.advance(1000);
    expect([calls.revoked.told, calls.good.told]).toEqual([REVOKED, []]);
    state.isAway = true;
    await clock.advance(GRACE_MS + 1000);
    expect(calls.good.told).toEqual(["unavailable AUTHENTICATION_UNAVAILABLE"]);
    expect(clock.timerCount).toBe(0);
  });

  test("that was revoked between a call's credential and its beginning ends it", async () => {
    const clock = fakeClock();
    const { here } = scenes(clock);
    const { token, keyId } = await here.key();
    const admission = await here.admit(token);
    await here.apiKeys.revoke(keyId);
    const { told } = call(admission);
    await clock.advance(0);
    expect(told).toEqual(REVOKED);
  });

  test("whose answer takes longer than it is good for is not asked about without a pause", async () => {
    const clock = fakeClock();
    const { here, state } = scenes(clock);
    const { token } = await here.key();
    const { close } = call(await here.admit(token));
    state.delayMs = 2 * TRUST_MS;
    await clock.advance(TRUST_MS + 10 * (2 * TRUST_MS + 1000));
    expect(state.findCount).toBe(12);
    close();
    await clock.advance(3 * TRUST_MS);
    expect([state.findCount, clock.timerCount]).toEqual([12, 0]);
  });

  test("tells nothing to a call that has ended, even while it is asked about", async () => {
    const clock = fakeClock();
    const { here, there } = scenes(clock);
    const { token, keyId } = await here.key();
    const closed = call(await there.admit(token));
    const open = call(await there.admit(token));
    await here.apiKeys.revoke(keyId);
    closed.close();
    closed.close();
    await clock.advance(TRUST_MS);
    expect([closed.told, open.told]).toEqual([[], REVOKED]);
  });
});

test("a token ends its calls when its time and the clocks' difference have passed", async () => {
  const clock = fakeClock();
  const issuer = await createIssuer(clock.now());
  const scene = authScene({ clock, jwt: { jwks: issuer.jwks } });
  const exp = Math.floor(clock.now() / 1000) + 60;
  const { told } = call(await scene.admit(await issuer.sign({ exp })));
  await clock.advance(exp * 1000 + 30_000 - 1 - clock.now());
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual(EXPIRED);
  issuer.dispose();
});
