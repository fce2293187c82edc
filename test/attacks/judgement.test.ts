/** That a red row of the attack suite means something, and that a busy machine makes none. */
import { expect, test } from "vitest";
import { FLOOR_MS, judgeLatency, MAX_OTHERS_SHARE, MIN_CALLS, type Span } from "./judgement.ts";

const BUSY = MAX_OTHERS_SHARE + 0.01;

/** All calls of a span took as long, unless `slowest` did. */
function span(
  ms: number,
  more: { others?: number; calls?: number; slowest?: number[] } = {},
): Span {
  const { others = 0, calls = MIN_CALLS, slowest = [] } = more;
  const latenciesMs = [...Array.from({ length: calls - slowest.length }, () => ms), ...slowest];
  return { latenciesMs, othersShare: others };
}

function verdictOf(base: Span[], attacked: Span[], honest: Span[] = []): string {
  return judgeLatency(base, attacked, honest).verdict;
}

test("a p99 that more than doubles is slow", () => {
  expect(verdictOf([span(20)], [span(41)])).toBe("slow");
  expect(verdictOf([span(20)], [span(40)])).toBe("ok");
});

test("below the floor nothing is slow", () => {
  expect(verdictOf([span(1)], [span(FLOOR_MS)])).toBe("ok");
  expect(verdictOf([span(1)], [span(FLOOR_MS + 1)])).toBe("slow");
});

test("all calls of a kind are taken together, and one of a hundred may be slow", () => {
  const pause = span(30, { slowest: [900, 900] });
  expect(verdictOf([span(20)], [pause])).toBe("slow");
  expect(verdictOf([span(20)], [pause, span(30)])).toBe("ok");
});

test("what is fast while the machine is busy is fast", () => {
  expect(verdictOf([span(20)], [span(40, { others: BUSY })])).toBe("ok");
});

test("what is slow while the machine is busy shows nothing, unless it is slow while it is not", () => {
  expect(verdictOf([span(20)], [span(900, { others: BUSY })])).toBe("not judged");
  expect(verdictOf([span(20)], [span(900, { others: BUSY }), span(30)])).toBe("ok");
  expect(verdictOf([span(20)], [span(900, { others: BUSY }), span(50)])).toBe("slow");
});

test("a base that was measured while the machine was busy doubles nothing", () => {
  expect(verdictOf([span(100, { others: BUSY })], [span(FLOOR_MS)])).toBe("ok");
  expect(verdictOf([span(100, { others: BUSY })], [span(FLOOR_MS + 1)])).toBe("not judged");
});

test("few calls are not judged", () => {
  expect(verdictOf([span(20)], [span(900, { calls: MIN_CALLS - 1 })])).toBe("not judged");
  expect(verdictOf([span(20, { calls: MIN_CALLS - 1 })], [span(900)])).toBe("not judged");
  expect(verdictOf([span(20)], [span(1, { calls: MIN_CALLS - 1 })])).toBe("not judged");
});

test("what well-behaved clients do with as much work is no finding, and told apart", () => {
  expect(verdictOf([span(20)], [span(100)], [span(80)])).toBe("as honest");
  expect(verdictOf([span(20)], [span(100)], [span(79)])).toBe("slow");
  expect(verdictOf([span(20)], [span(40)], [span(40)])).toBe("ok");
  expect(verdictOf([span(20)], [span(100)], [span(100, { others: BUSY })])).toBe("slow");
});
