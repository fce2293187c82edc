import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DueHeap } from "../../src/store/memory/due-heap.ts";

describe("DueHeap", () => {
  const step = fc.record({
    action: fc.constantFrom("set", "delete"),
    item: fc.nat(20),
    dueAtMs: fc.nat(50),
  });

  it("agrees with a sorted list, whatever is set and deleted", () => {
    const steps = fc.property(fc.array(step, { maxLength: 200 }), (taken) => {
      const heap = new DueHeap<number>();
      const model = new Map<number, number>();
      for (const { action, item, dueAtMs } of taken) {
        if (action === "set") {
          heap.set(item, dueAtMs);
          model.set(item, dueAtMs);
        } else {
          heap.delete(item);
          model.delete(item);
        }
        expect(heap.size).toBe(model.size);
        const earliestMs = model.size === 0 ? undefined : Math.min(...model.values());
        expect(heap.nextDueAtMs).toBe(earliestMs);
      }
      const instants = heap.allDue(50, 100).map((item) => model.get(item));
      expect(instants).toEqual([...model.values()].sort((a, b) => a - b));
    });
    fc.assert(steps, { numRuns: 300 });
  });

  it("hands out what is due without losing it", () => {
    const heap = new DueHeap<string>();
    for (const [index, item] of ["a", "b", "c", "d"].entries()) heap.set(item, index);
    expect(heap.allDue(2, 10)).toEqual(["a", "b", "c"]);
    expect(heap.allDue(2, 2)).toEqual(["a", "b"]);
    expect(heap.size).toBe(4);
    expect(heap.due(-1)).toBeUndefined();
  });
});
