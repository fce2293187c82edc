/** What breaks when a turn is aborted, and when a graph does not care. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { FrameworkExecutor } from "../../src/executor/contract.ts";
import { createLangGraphExecutor } from "../../src/executor/langgraph/executor.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import { agentOf, collect, contentOf, errorOf, turnOf } from "./harness.ts";
import { stubborn } from "./project/graphs.ts";

const project = (name: string) =>
  agentOf({
    template: "graph",
    baseDir: import.meta.dirname,
    graph: `./project/graphs.ts:${name}`,
  });
const demo = agentOf({ template: "demo", options: { tokenDelayMs: 0 } });

describe("an aborted turn", () => {
  let executor: FrameworkExecutor;
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown): void => void unhandled.push(error);
  beforeAll(async () => {
    process.on("unhandledRejection", onUnhandled);
    executor = createLangGraphExecutor({ clock: systemClock });
    await executor.start();
  });
  afterAll(async () => {
    await executor.stop();
    process.off("unhandledRejection", onUnhandled);
    expect(unhandled).toEqual([]);
  });

  it("starts no tool call, although its graph goes on", async () => {
    const controller = new AbortController();
    const turn = turnOf(project("stubbornGraph"), { text: "go", signal: controller.signal });
    void stubborn.started.promise.then(() => controller.abort(new Error("enough")));
    expect(await errorOf(executor.execute(turn))).toMatchObject({ kind: "canceled" });
    stubborn.release.resolve();
    expect(await stubborn.finished.promise).toMatchObject({ kind: "canceled" });
    expect(stubborn.toolCallCount).toBe(0);
  });

  it("leaves no unhandled rejection, however late its graph rejects", async () => {
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController();
      const turn = turnOf(project("rejecting"), { text: "go", signal: controller.signal });
      setImmediate(() => controller.abort(new Error("enough")));
      expect(await errorOf(executor.execute(turn))).toMatchObject({ kind: "canceled" });
    }
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  });

  it("can be aborted at every event, and none follows", async () => {
    const whole = await collect(
      executor.execute(turnOf(demo, { text: "what is 12 * 34?", streaming: true })),
    );
    for (let position = 1; position <= whole.events.length; position++) {
      const controller = new AbortController();
      const turn = turnOf(demo, {
        text: "what is 12 * 34?",
        streaming: true,
        signal: controller.signal,
      });
      let count = 0;
      const read = async (): Promise<void> => {
        for await (const event of executor.execute(turn)) {
          expect(event.type).toBe("event");
          count += 1;
          if (count === position) controller.abort(new Error("enough"));
        }
      };
      await expect(read()).rejects.toMatchObject({ kind: "canceled" });
      expect(count).toBe(position);
    }
  });

  it("leaves no listener on its signal, however it ends", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    await collect(executor.execute(turnOf(demo, { text: "hello", signal })));
    await errorOf(executor.execute(turnOf(project("failing"), { text: "hello", signal })));
    for await (const _event of executor.execute(turnOf(demo, { text: "hello", signal }))) break;
    expect(listeners).toBe(0);
  });
});

it("a slow tool waits on the injected clock and nothing else", async () => {
  const clock = fakeClock();
  const executor = createLangGraphExecutor({ clock });
  const turn = turnOf(demo, { text: "wait 3600 seconds", streaming: true });
  const controller = new AbortController();
  let progress = 0;
  const reading = (async () => {
    const events = executor.execute({ ...turn, signal: controller.signal });
    for await (const event of events) {
      if (event.type === "event" && event.kind.case === "progress") progress += 1;
    }
  })();
  const ended = reading.catch((error: unknown) => error);
  for (let second = 0; second < 100 && progress < 5; second++) await clock.advance(1000);
  expect(progress).toBe(5);
  controller.abort(new Error("enough"));
  expect(await ended).toMatchObject({ kind: "canceled" });
  await clock.advance(0);
  expect(clock.timerCount).toBe(0);
});

it("a reader that never reads costs a small buffer", async () => {
  const executor = createLangGraphExecutor({ clock: systemClock });
  const turn = turnOf(demo, { text: "count to 99999", streaming: true });
  const events = executor.execute(turn)[Symbol.asyncIterator]();
  const first = await events.next();
  expect(first.done).toBe(false);
  const before = process.memoryUsage().heapUsed;
  for (let turns = 0; turns < 1000; turns++) await new Promise((resolve) => setImmediate(resolve));
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(16 * 1024 * 1024);
  const { value } = await events.next();
  expect(value.type === "event" && contentOf(value.kind)).toBe(" 2");
  await events.return?.();
});
