import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import type { Lease } from "../../src/store/contract.ts";
import { createLeaseTable, readLeaseTable } from "../../src/worker/lease-table.ts";

function lease(number: number, tenant = "default"): Lease {
  return { tenant, taskId: `task-${number}`, fence: BigInt(number), attempt: number };
}

describe("the lease table", () => {
  it("shows the other side what is held, and no more once it is released", () => {
    const table = createLeaseTable(2);
    const reader = readLeaseTable(table.memory);
    const slot = table.hold(lease(7, "Zoë"), 1.5, 3000) ?? -1;
    expect(reader.held()).toEqual([
      {
        lease: lease(7, "Zoë"),
        slot,
        version: 1,
        claimedAt: 1.5,
        heldAt: 1.5,
        renewUntil: 3000,
        renewedAt: Number.NEGATIVE_INFINITY,
      },
    ]);
    table.release(slot);
    expect(reader.held()).toEqual([]);
  });

  it("has no room for more leases than slots, nor for names that do not fit", () => {
    const table = createLeaseTable(1);
    expect(table.hold(lease(1, "t".repeat(1000)), 0, 1)).toBeUndefined();
    const slot = table.hold(lease(1), 0, 1) ?? -1;
    expect(table.hold(lease(2), 0, 1)).toBeUndefined();
    table.release(slot);
    expect(table.hold(lease(2), 0, 1)).toBe(slot);
  });

  it("tells of a renewal, unless the slot has another lease by now", () => {
    const table = createLeaseTable(1);
    const reader = readLeaseTable(table.memory);
    const slot = table.hold(lease(1), 0, 1) ?? -1;
    const [first] = reader.held();
    if (!first) throw new Error("nothing is held");
    reader.renewed(first, 12.25);
    expect(table.renewedAt(slot)).toBe(12.25);
    table.release(slot);
    table.hold(lease(2), 0, 1);
    expect(table.renewedAt(slot)).toBe(Number.NEGATIVE_INFINITY);
    reader.renewed(first, 13);
    expect(table.renewedAt(slot)).toBe(Number.NEGATIVE_INFINITY);
  });

  it("tells when the event loop has renewed", () => {
    const table = createLeaseTable(1);
    const reader = readLeaseTable(table.memory);
    expect(reader.lastBeatAt()).toBe(0);
    table.beat(99.5);
    expect(reader.lastBeatAt()).toBe(99.5);
  });

  it("never shows a thread half of one lease and half of another", async () => {
    const table = createLeaseTable(4);
    const reading = new Worker(new URL("threads/read-leases.ts", import.meta.url), {
      workerData: table.memory,
    });
    let hasRead = false;
    const seen = new Promise<{ torn: string[] }>((resolve, reject) => {
      reading.on("error", reject);
      reading.on("message", (message) => {
        if (message === "has read") hasRead = true;
        else if (message !== "started") resolve(message);
      });
    });
    await new Promise((resolve) => reading.once("message", resolve));
    for (let number = 1; number <= 200_000 || !hasRead; number++) {
      const slot = table.hold(lease(number), number, number);
      // Held meanwhile, so that the thread reads one however seldom it runs.
      if (number % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (slot !== undefined) table.release(slot);
    }
    table.beat(1);
    const { torn } = await seen;
    expect(torn).toEqual([]);
  });
});
