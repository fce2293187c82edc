import { beforeEach, describe, expect, it } from "vitest";
import { AgentlaneError } from "../../src/errors.ts";
import type { LeaseStatus } from "../../src/store/contract.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import {
  createLeaseKeeper,
  type LeaseBackup,
  type LeaseHolder,
  type LeaseKeeper,
} from "../../src/worker/lease-keeper.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";

const LEASE_MS = 15_000;

let clock: FakeClock;
let keeper: LeaseKeeper;
let renew: () => Promise<LeaseStatus>;
/** Of the backup: until when its renewals reach, what it was told, what it holds. */
let backedUntil: number;
let told: number[];
let heldUntil: number[];
let lostAt: number | undefined;

const holder: LeaseHolder = {
  lease: { tenant: "default", taskId: "task", fence: 1n, attempt: 1 },
  limitMs: 300_000,
  lost: () => {
    lostAt ??= clock.monotonic();
  },
  cancel: () => undefined,
};

beforeEach(async () => {
  clock = fakeClock();
  renew = async () => ({ valid: true });
  backedUntil = Number.NEGATIVE_INFINITY;
  told = [];
  heldUntil = [];
  lostAt = undefined;
  const backup: LeaseBackup = {
    start: async () => undefined,
    stop: async () => undefined,
    hold(_lease, _claimedAt, renewUntil) {
      heldUntil.push(renewUntil);
      return { validUntil: () => backedUntil, release: () => void heldUntil.pop() };
    },
    renewed: (at) => told.push(at),
  };
  const { tasks } = createMemoryStore({ clock });
  keeper = createLeaseKeeper({
    tasks: { ...tasks, renew: (leases) => Promise.all(leases.map(renew)) },
    clock,
    leaseMs: LEASE_MS,
    renewIntervalMs: 5000,
    backup,
    onFailure: () => undefined,
  });
  await keeper.start();
  return () => keeper.stop();
});

const away = (): Promise<LeaseStatus> => {
  return Promise.reject(new AgentlaneError("unavailable", "AWAY", "away"));
};

describe("the lease keeper", () => {
  it("tells its backup what is held, for how long, and when all of it was renewed", async () => {
    keeper.hold(holder, 1000);
    expect(heldUntil).toEqual([301_000]);
    await clock.advance(10_000);
    expect(told).toEqual([5000, 10_000]);
    keeper.release(holder);
    expect(heldUntil).toEqual([]);
  });

  it("renews one that ends early soon, without the others, and again where that fails", async () => {
    const renewedAt: number[] = [];
    let isAway = true;
    renew = () => {
      renewedAt.push(clock.monotonic());
      return isAway ? away() : Promise.resolve({ valid: true });
    };
    await clock.advance(20_000);
    keeper.hold({ ...holder }, clock.monotonic());
    keeper.hold(holder, clock.monotonic() - 10_000);
    await clock.advance(100);
    isAway = false;
    await clock.advance(4000);
    expect(renewedAt).toEqual([20_100, 20_600]);
    expect(told).toEqual([]);
    expect(lostAt).toBeUndefined();
    await clock.advance(1000);
    expect(told).toEqual([25_000]);
  });

  it("tells of no renewal that has failed", async () => {
    renew = away;
    keeper.hold(holder, 0);
    await clock.advance(10_000);
    expect(told).toEqual([]);
  });

  it("gives a lease up before its end when it cannot be renewed", async () => {
    renew = away;
    keeper.hold(holder, 0);
    await clock.advance(20_000);
    expect(lostAt).toBe(10_000);
  });

  it("keeps one that its backup has renewed, until that ends too", async () => {
    renew = away;
    keeper.hold(holder, 0);
    backedUntil = 28_000;
    await clock.advance(20_000);
    expect(lostAt).toBeUndefined();
    await clock.advance(10_000);
    expect(lostAt).toBe(25_000);
  });

  it("keeps it after a block too, when the renewal from before the block fails", async () => {
    const { promise, reject } = Promise.withResolvers<LeaseStatus>();
    renew = () => promise;
    keeper.hold(holder, 0);
    await clock.advance(5000);
    backedUntil = 40_000;
    renew = async () => ({ valid: true });
    reject(new AgentlaneError("unavailable", "AWAY", "late"));
    await clock.jump(25_000);
    await clock.advance(5000);
    expect(lostAt).toBeUndefined();
  });
});
