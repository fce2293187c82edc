import { expect, it } from "vitest";
import { freePlaces, HELD_AGEING_MS, levelIndex, nextHeld } from "../../src/store/held-order.ts";

const head = (level: number, sinceMs: number) => ({ level, sinceMs, task: `${level}` });

it("takes the highest level", () => {
  expect(nextHeld([head(4, 10), head(2, 0)], 11, true)).toMatchObject({ head: { task: "4" } });
  expect(nextHeld([], 0, true)).toBeUndefined();
});

it("takes turns with what has risen to that level, the longest held first", () => {
  const now = 3 * HELD_AGEING_MS;
  const heads = [head(4, now), head(3, HELD_AGEING_MS), head(1, 0)];
  expect(nextHeld(heads, now, true)).toEqual({ head: head(1, 0), isRisensTurn: false });
  expect(nextHeld(heads, now, false)).toEqual({ head: head(4, now), isRisensTurn: true });
});

it("leaves out what has not risen so far", () => {
  const now = 2 * HELD_AGEING_MS;
  const next = nextHeld([head(4, now), head(1, 0)], now, true);
  expect(next).toEqual({ head: head(4, now), isRisensTurn: true });
});

it("takes a priority that is none for NORMAL", () => {
  expect([4, 3, 2, 1, 0, 9].map(levelIndex)).toEqual([0, 1, 2, 3, 2, 2]);
});

it("counts places by the window and by what may run", () => {
  expect(freePlaces({ window: 4 }, 1, 100)).toBe(3);
  expect(freePlaces({ window: 4, maxRunningTasks: 10 }, 1, 8)).toBe(1);
  expect(freePlaces({ window: 4, maxRunningTasks: 10 }, 2, 9)).toBe(-1);
});
