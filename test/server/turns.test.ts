/** What comes in bursts waits its turn, so that others are served in between. */
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { createTurns } from "../../src/server/turns.ts";

test("nothing is done at once, everything in order", async () => {
  const takeTurn = createTurns();
  const done: number[] = [];
  for (let number = 0; number < 100; number++) takeTurn(() => done.push(number));
  expect(done).toEqual([]);
  while (done.length < 100) await setImmediate();
  expect(done).toEqual(Array.from({ length: 100 }, (_, number) => number));
});

test("the event loop goes round between a few and the next few", async () => {
  const takeTurn = createTurns();
  let doneCount = 0;
  for (let number = 0; number < 100; number++) takeTurn(() => doneCount++);
  const counts: number[] = [];
  while (doneCount < 100) {
    await setImmediate();
    counts.push(doneCount);
  }
  const steps = counts.map((count, at) => count - (counts[at - 1] ?? 0));
  expect(Math.max(...steps)).toBeLessThanOrEqual(8);
});

test("what asks for a turn in a turn comes after those that wait", async () => {
  const takeTurn = createTurns();
  const done: string[] = [];
  takeTurn(() => {
    done.push("first");
    takeTurn(() => done.push("third"));
  });
  takeTurn(() => done.push("second"));
  while (done.length < 3) await setImmediate();
  expect(done).toEqual(["first", "second", "third"]);
});
