/** The owner of the lease thread, with threads that misbehave; test/e2e/blocked-loop.test.ts has the real one. */
import { expect, it } from "vitest";
import { createLeaseThread } from "../../src/worker/lease-thread.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";

interface Problems {
  readonly clock: FakeClock;
  /** The next problem that is told. */
  next(): Promise<string>;
}

function threadOf(program: string): Problems & ReturnType<typeof createLeaseThread> {
  const clock = fakeClock();
  const told: string[] = [];
  let heard = Promise.withResolvers<void>();
  const thread = createLeaseThread({
    entry: new URL(`threads/${program}.ts`, import.meta.url),
    store: {},
    slots: 1,
    leaseMs: 15_000,
    renewIntervalMs: 5000,
    cancelGraceMs: 5000,
    clock,
    random: () => 0,
    onProblem(message, error) {
      told.push(`${message}: ${error instanceof Error ? error.message : error}`);
      heard.resolve();
    },
  });
  async function next(): Promise<string> {
    for (;;) {
      const problem = told.shift();
      if (problem !== undefined) return problem;
      heard = Promise.withResolvers();
      await heard.promise;
    }
  }
  return { ...thread, clock, next };
}

/** Lets time pass until the promise has settled. */
async function passing<T>(clock: FakeClock, stepMs: number, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  void promise.finally(() => {
    isSettled = true;
  });
  while (!isSettled) await clock.advance(stepMs);
  return promise;
}

it("a thread that crashes is told of and started again, later each time", async () => {
  const { clock, next, start, stop } = threadOf("crashing");
  await start();
  for (let crash = 0; crash < 3; crash++) {
    const before = clock.monotonic();
    const problem = await passing(clock, 10, next());
    expect(problem).toBe("the lease thread crashed: crashed on purpose");
    if (crash > 0) expect(clock.monotonic() - before).toBeGreaterThanOrEqual(250 * 2 ** crash);
  }
  await passing(clock, 10, stop());
});

it("a thread that does not stop is ended, and can be started again", async () => {
  const { clock, next, start, stop } = threadOf("stubborn");
  for (let life = 0; life < 2; life++) {
    await start();
    expect(await next()).toBe("the lease thread could not renew: running");
    await passing(clock, 100, stop());
  }
  expect(clock.timerCount).toBe(0);
});

it("is waited for until it looks after leases", async () => {
  const { clock, next, start, stop } = threadOf("late");
  const order: string[] = [];
  const started = start().then(() => order.push("started"));
  order.push(await next());
  await started;
  expect(order).toEqual(["the lease thread could not renew: not yet", "started"]);
  await passing(clock, 10, stop());
});

it("that says nothing is not waited for for ever", async () => {
  const { clock, start, stop } = threadOf("silent");
  const before = clock.monotonic();
  await passing(clock, 100, start());
  expect(clock.monotonic() - before).toBeGreaterThanOrEqual(10_000);
  await passing(clock, 10, stop());
});

it("can be stopped before it was started, and twice", async () => {
  const { start, stop, clock, next } = threadOf("stubborn");
  await stop();
  await start();
  await next();
  await passing(clock, 100, stop());
  await stop();
});
