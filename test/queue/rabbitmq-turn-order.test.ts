import { expect, test } from "vitest";
import { Priority } from "../../gen/agentlane/v1/task_pb.js";
import { type Turn, TurnOrder } from "../../src/queue/rabbitmq/turn-order.ts";

const AGEING_MS = 100;

function turn(level: Turn["level"], headAtMs: number): Turn {
  return { level, headAtMs };
}

test("the highest level is next", () => {
  const order = new TurnOrder(AGEING_MS);
  const turns = [turn(Priority.LOW, 0), turn(Priority.URGENT, 0), turn(Priority.HIGH, 0)];
  expect(order.next(turns, 0)).toBe(turns[1]);
  expect(order.next([], 0)).toBeUndefined();
});

test("among equals the one that may wait longest is next", () => {
  const order = new TurnOrder(AGEING_MS);
  const turns = [turn(Priority.NORMAL, 5), turn(Priority.NORMAL, 3), turn(Priority.NORMAL, 4)];
  expect(order.next(turns, 10)).toBe(turns[1]);
});

test("a level that may have waited rises, and takes turns with those published there", () => {
  const order = new TurnOrder(AGEING_MS);
  const low = turn(Priority.LOW, 0);
  const urgent = turn(Priority.URGENT, 290);
  const turns = [low, urgent];
  expect(order.next(turns, 299)).toBe(urgent);
  const served = Array.from({ length: 4 }, () => {
    const next = order.next(turns, 300);
    if (next) order.served(next, turns, 300);
    return next;
  });
  expect(served).toEqual([low, urgent, low, urgent]);
});

test("a publisher whose clock is ahead makes nothing younger than it is at its level", () => {
  const order = new TurnOrder(AGEING_MS);
  const turns = [turn(Priority.LOW, 0), turn(Priority.NORMAL, 10_000)];
  expect(order.next(turns, 50)).toBe(turns[1]);
});
