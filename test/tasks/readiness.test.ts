import { expect, test } from "vitest";
import { AgentlaneError } from "../../src/errors.ts";
import { createReadiness } from "../../src/tasks/readiness.ts";
import { fakeClock } from "../fakes/fake-clock.ts";

const away = (what: string) => async () => {
  throw new AgentlaneError("unavailable", "AWAY", `${what} is away`);
};
const well = async () => undefined;

test("says which of the backends does not answer, and when nobody checks any more", async () => {
  const clock = fakeClock();
  const { chore, lacks } = createReadiness({
    clock,
    store: { check: away("Redis") },
    queue: { check: away("RabbitMQ") },
    lastPolledAt: undefined,
  });
  await chore.run();
  expect(lacks()).toEqual([
    { need: "store", why: "the store: Redis is away" },
    { need: "queue", why: "the queue: RabbitMQ is away" },
  ]);
  await clock.advance(25_000);
  const why = "store and queue were last asked 25 s ago";
  expect(lacks()).toEqual([
    { need: "store", why },
    { need: "queue", why },
  ]);
});

test("tells watchers of a backend that is silent, and once of a worker that does not poll", async () => {
  const clock = fakeClock();
  let answer = (): Promise<void> => new Promise(() => undefined);
  const { chore, lacks, onChange } = createReadiness({
    clock,
    store: { check: () => answer() },
    queue: { check: well },
    lastPolledAt: () => 0,
  });
  const told: string[][] = [];
  onChange(() => void told.push(lacks().map(({ why }) => why)));
  const checked = chore.run();
  await clock.advance(10_000);
  await checked;
  answer = well;
  await chore.run();
  await chore.run();
  const unpolled = expect.stringMatching(/^the worker polled its queue/);
  expect(told).toEqual([["the store: it has not answered for 10 s", unpolled], [unpolled]]);
  expect(clock.timerCount).toBe(0);
});

test("asks for no poll of a gateway, which has no worker", async () => {
  const clock = fakeClock();
  const backends = { store: { check: well }, queue: { check: well } };
  const { chore, lacks } = createReadiness({ clock, ...backends, lastPolledAt: undefined });
  await clock.advance(19_000);
  await chore.run();
  expect(lacks()).toEqual([]);
});
