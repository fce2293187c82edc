/** What others can cause does not fill the log. */
import { expect, test } from "vitest";
import { sparingly } from "../../src/telemetry/sparing.ts";
import { fakeClock } from "../fakes/fake-clock.ts";

function heard() {
  const clock = fakeClock();
  const lines: [string, Record<string, unknown>][] = [];
  const warn = sparingly(clock, (message, fields) => lines.push([message, fields]));
  return { clock, lines, warn };
}

test("ten lines of a message at once, then one a second, which tells how many were left out", async () => {
  const { clock, lines, warn } = heard();
  for (let count = 0; count < 1000; count++) warn("unreadable");
  expect(lines).toHaveLength(10);
  await clock.advance(1000);
  for (let count = 0; count < 1000; count++) warn("unreadable");
  expect(lines.slice(10)).toEqual([["unreadable", { leftOutCount: 990 }]]);
});

test("one message leaves out none of another", () => {
  const { lines, warn } = heard();
  for (let count = 0; count < 50; count++) warn("often");
  warn("seldom", new Error("why"));
  expect(lines.at(-1)).toEqual(["seldom", { error: new Error("why") }]);
});

test("what comes seldom enough is told of each time", async () => {
  const { clock, lines, warn } = heard();
  for (let count = 0; count < 50; count++) {
    warn("now and then");
    await clock.advance(1000);
  }
  expect(lines).toHaveLength(50);
});
