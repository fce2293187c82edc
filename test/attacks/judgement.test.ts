/** That a red row of the attack suite means something, and that a busy machine makes none. */
import { expect, test } from "vitest";
import {
  FLOOR_MS,
  judgeLatency,
  MAX_OTHERS_SHARE,
  MIN_CALLS,
  type Span,
  suffices,
} from "./judgement.ts";

function spans(base: readonly number[], attacked: readonly number[], more: Partial<Span> = {}) {
  const span = (p99Ms: number, isAttacked: boolean): Span => ({
    isAttacked,
    p99Ms,
    callCount: 200,
    othersShare: 0,
    ...more,
  });
  return [...base.map((ms) => span(ms, false)), ...attacked.map((ms) => span(ms, true))];
}

test("a p99 that more than doubles is slow", () => {
  expect(judgeLatency(spans([20, 20, 20], [41, 41, 41])).verdict).toBe("slow");
  expect(judgeLatency(spans([20, 20, 20], [40, 40, 40])).verdict).toBe("ok");
});

test("below the floor nothing is slow", () => {
  expect(judgeLatency(spans([1, 1], [FLOOR_MS, FLOOR_MS])).verdict).toBe("ok");
  expect(judgeLatency(spans([1, 1], [FLOOR_MS + 1, FLOOR_MS + 1])).verdict).toBe("slow");
});

test("one span with a pause of its own changes nothing, most of them do", () => {
  expect(judgeLatency(spans([20, 20, 20], [30, 900, 30])).verdict).toBe("ok");
  expect(judgeLatency(spans([20, 900, 20], [90, 90, 30])).verdict).toBe("slow");
});

test("spans in which the machine was busy with something else do not count", () => {
  const busy = { othersShare: MAX_OTHERS_SHARE + 0.01 };
  const quiet = spans([20, 20], [21, 21]);
  expect(judgeLatency([...quiet, ...spans([], [900, 900, 900], busy)])).toEqual({
    verdict: "ok",
    baseP99Ms: 20,
    attackedP99Ms: 21,
  });
  expect(judgeLatency(spans([20, 20, 20], [900, 900, 900], busy)).verdict).toBe("not judged");
});

test("too few spans, or too few calls in them without an attack, are not judged", () => {
  expect(judgeLatency(spans([20, 20], [900])).verdict).toBe("not judged");
  expect(judgeLatency(spans([20], [900, 900])).verdict).toBe("not judged");
  const few = spans([20, 20], [], { callCount: MIN_CALLS - 1 });
  expect(judgeLatency([...few, ...spans([], [900, 900])]).verdict).toBe("not judged");
});

test("an attack under which hardly a call ends is slow, not unjudged", () => {
  const starved = spans([], [5000, 5000], { callCount: 2 });
  expect(judgeLatency([...spans([20, 20], []), ...starved]).verdict).toBe("slow");
});

test("spans suffice when enough of both kinds count", () => {
  expect(suffices(spans([1, 1, 1], [1, 1, 1]), 3)).toBe(true);
  expect(suffices(spans([1, 1, 1], [1, 1]), 3)).toBe(false);
});
