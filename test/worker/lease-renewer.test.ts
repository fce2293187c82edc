import { beforeEach, describe, expect, it } from "vitest";
import { CancelMode } from "../../gen/agentlane/store/v1/record_pb.js";
import { AgentlaneError } from "../../src/errors.ts";
import type { Service } from "../../src/lifecycle.ts";
import type { Lease, LeaseStatus } from "../../src/store/contract.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { createLeaseRenewer } from "../../src/worker/lease-renewer.ts";
import { createLeaseTable, type LeaseTable, readLeaseTable } from "../../src/worker/lease-table.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";

const TIMING = { leaseMs: 15_000, renewIntervalMs: 5000, cancelGraceMs: 4000 };

let clock: FakeClock;
let table: LeaseTable;
let renewer: Service;
/** The instants of the renewals. */
let renewedAt: number[];
let checkCount: number;
let answer: (lease: Lease) => LeaseStatus;
let failures: unknown[];

function lease(number: number): Lease {
  return { tenant: "default", taskId: `task-${number}`, fence: 1n, attempt: 1 };
}

beforeEach(async () => {
  clock = fakeClock();
  table = createLeaseTable(4);
  renewedAt = [];
  checkCount = 0;
  failures = [];
  answer = () => ({ valid: true });
  const { tasks } = createMemoryStore({ clock });
  renewer = createLeaseRenewer({
    ...TIMING,
    store: {
      tasks: {
        ...tasks,
        renew: async (leases) => {
          renewedAt.push(clock.monotonic());
          return leases.map(answer);
        },
      },
      check: async () => void checkCount++,
    },
    table: readLeaseTable(table.memory),
    clock,
    onFailure: (error) => failures.push(error),
  });
  await renewer.start();
  return async () => {
    await renewer.stop();
    expect(clock.timerCount).toBe(0);
  };
});

describe("the lease thread", () => {
  it("renews nothing while the event loop does, and keeps its connection warm", async () => {
    table.hold(lease(1), 0, 600_000);
    for (let at = 5000; at <= 60_000; at += 5000) {
      await clock.advance(5000);
      table.beat(at);
    }
    expect(renewedAt).toEqual([]);
    expect(checkCount).toBeGreaterThan(10);
  });

  it("renews in time and again and again once the event loop is silent", async () => {
    const slot = table.hold(lease(1), 0, 600_000) ?? -1;
    await clock.advance(60_000);
    const gaps = renewedAt.map((at, index) => at - (renewedAt[index - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10_000);
    expect(renewedAt.length).toBeGreaterThan(5);
    expect(table.renewedAt(slot)).toBe(renewedAt.at(-1));
  });

  it("leaves what has just been claimed to the event loop", async () => {
    await clock.advance(60_000);
    table.hold(lease(1), clock.monotonic(), 600_000);
    await clock.advance(7000);
    expect(renewedAt).toEqual([]);
  });

  it("takes no renewal of others for one of a lease that came later", async () => {
    await clock.advance(10_000);
    table.beat(clock.monotonic());
    await clock.advance(1000);
    // It ends in 5 s: as if claimed 10 s ago.
    table.hold(lease(1), clock.monotonic() - 10_000, 600_000, clock.monotonic());
    await clock.advance(5000);
    expect(renewedAt.length).toBeGreaterThan(0);
  });

  it("does not renew beyond the attempt's time limit", async () => {
    table.hold(lease(1), 0, 20_000);
    await clock.advance(60_000);
    expect(renewedAt.at(-1)).toBeLessThan(20_000);
  });

  it("does not renew for longer than the grace after a cancel", async () => {
    answer = () => ({ valid: true, cancel: { mode: CancelMode.KEEP, reason: "" } });
    table.hold(lease(1), 0, 600_000);
    await clock.advance(60_000);
    const [first = 0] = renewedAt;
    expect(renewedAt.every((at) => at <= first + TIMING.cancelGraceMs)).toBe(true);
  });

  it("does not ask again for a lease that is lost, and still renews the others", async () => {
    const asked = new Map<string, number>();
    answer = ({ taskId }) => {
      asked.set(taskId, (asked.get(taskId) ?? 0) + 1);
      return { valid: taskId !== "task-1" };
    };
    table.hold(lease(1), 0, 600_000);
    table.hold(lease(2), 0, 600_000);
    await clock.advance(60_000);
    expect(asked.get("task-1")).toBe(1);
    expect(asked.get("task-2")).toBeGreaterThan(3);
  });

  it("forgets that a lease was lost when its slot has another", async () => {
    answer = () => ({ valid: false });
    const slot = table.hold(lease(1), 0, 600_000) ?? -1;
    await clock.advance(20_000);
    table.release(slot);
    answer = () => ({ valid: true });
    expect(table.hold(lease(2), clock.monotonic(), 600_000)).toBe(slot);
    await clock.advance(20_000);
    expect(table.renewedAt(slot)).toBeGreaterThan(20_000);
  });

  it("tells what fails and tries again", async () => {
    const outage = new AgentlaneError("unavailable", "AWAY", "away");
    answer = () => {
      throw outage;
    };
    const slot = table.hold(lease(1), 0, 600_000) ?? -1;
    await clock.advance(10_000);
    expect(failures).toEqual([outage]);
    answer = () => ({ valid: true });
    await clock.advance(2500);
    expect(table.renewedAt(slot)).toBe(12_500);
  });
});
