/** Thousands of turns, many of them canceled or left by their client: nothing may stay behind. */
import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { Priority, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { EventBus } from "../../src/queue/contract.ts";
import { createMemoryEventBus } from "../../src/queue/memory/bus.ts";
import type { WatchedEntry } from "../../src/tasks/task-manager.ts";
import {
  assistantMessage,
  chunk,
  outcome,
  textOf,
  untilAborted,
} from "../fakes/scripted-executor.ts";
import { collect, type Engine, input, PRINCIPAL, startEngine } from "../harness/engine.ts";

const TURN_COUNT = 5000;
const AT_ONCE = 50;
const streaming = { streaming: true, deadlineInMs: undefined };

interface CountingBus extends EventBus {
  readonly subscriptionCount: number;
}

function countingBus(): CountingBus {
  const bus = createMemoryEventBus();
  const open = new Set<object>();
  return {
    ...bus,
    get subscriptionCount() {
      return open.size;
    },
    async subscribe(topic, listener) {
      const subscription = await bus.subscribe(topic, listener);
      open.add(subscription);
      return {
        close() {
          open.delete(subscription);
          subscription.close();
        },
      };
    },
  };
}

function isChunk({ event }: WatchedEntry): boolean {
  return event.kind.case === "chunk";
}

/** What the n-th client does: read to the end, hang up early or late, cancel, or never read. */
async function client(engine: Engine, number: number, signals: AbortSignal[]): Promise<void> {
  const connection = new AbortController();
  const { signal } = connection;
  signals.push(signal);
  const sessionId = number % 3 === 0 ? "" : `s${number % 40}`;
  const manner = number % 5;
  const metadata = { hangs: manner === 0 ? "" : "yes" };
  const request = input({ sessionId, metadata, maxAttempts: 1 });
  const run = await engine.manager.run(PRINCIPAL, request, streaming, signal);
  const { taskId } = run;
  if (manner === 1) connection.abort();
  if (manner === 2) {
    for await (const batch of run.entries) if (batch.some(isChunk)) break;
    await engine.manager.cancel(PRINCIPAL, { taskId }, "enough");
    return;
  }
  if (manner === 3) {
    await engine.manager.cancel(PRINCIPAL, { taskId }, "at once");
    connection.abort();
    return;
  }
  if (manner === 4) {
    for await (const batch of run.entries) if (batch.some(isChunk)) connection.abort();
    return;
  }
  await collect(run.entries);
}

test(`${TURN_COUNT} turns leave nothing behind`, { timeout: 120_000 }, async () => {
  const bus = countingBus();
  const engine = await startEngine({
    bus,
    worker: { slots: 20, maxInstances: 10 },
    script: async function* (turn) {
      yield chunk("m", "a");
      yield chunk("m", "b");
      if (turn.metadata.hangs) await untilAborted(turn.signal);
      yield outcome({ messages: [assistantMessage(`${turn.taskId}-m`, textOf(turn.messages))] });
    },
  });
  const signals: AbortSignal[] = [];
  for (let started = 0; started < TURN_COUNT; started += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, index) => started + index);
    const batch = Promise.all(numbers.map((number) => client(engine, number, signals)));
    let isDone = false;
    void batch.then(() => {
      isDone = true;
    });
    for (let step = 0; step < 100 && !isDone; step++) await engine.clock.advance(200);
    await batch;
  }
  await engine.clock.advance(20_000);

  const { runningCount, readyCount, waitingCount } = await engine.store.log.figures("agent.tasks");
  expect({ runningCount, readyCount, waitingCount }).toEqual({
    runningCount: 0,
    readyCount: 0,
    waitingCount: 0,
  });
  expect(engine.manager.watcherCount(), "watchers").toBe(0);
  expect(bus.subscriptionCount, "subscriptions beside the worker's").toBe(1);
  const depth = await engine.queue.depth("agent.tasks");
  expect([depth.pendingCount, depth.unsettledCount], "messages").toEqual([0, 0]);
  const [worker] = engine.workers;
  expect([worker?.heldLeaseCount(), worker?.busyCount()], "leases").toEqual([0, 0]);
  expect(worker?.instanceFigures().activeCount).toBeLessThanOrEqual(10);
  const turnSignals = engine.executor.turns.map(({ signal }) => signal);
  const listeners = [...signals, ...turnSignals].flatMap((signal) =>
    getEventListeners(signal, "abort"),
  );
  expect(listeners, "abort listeners").toEqual([]);
  expect(engine.problems).toEqual([]);

  await engine.stop();
  expect(bus.subscriptionCount, "subscriptions").toBe(0);
  expect(engine.clock.timerCount, "timers").toBe(0);
});

test("the lowest priority is served within 60 s under a flood ten times as fast as the worker", async () => {
  const workMs = 100;
  const engine = await startEngine({
    worker: { slots: 1 },
    script: async (turn) => {
      await engine.clock.sleep(workMs, turn.signal);
      return {};
    },
  });
  const flood = { sessionId: "", priority: Priority.URGENT };
  const options = { streaming: false, deadlineInMs: undefined };
  const submit = async (overrides: Parameters<typeof input>[0]): Promise<string> =>
    (await engine.manager.submit(PRINCIPAL, input(overrides), options)).task.taskId;
  for (let count = 0; count < 20; count++) await submit(flood);
  const low = await submit({ sessionId: "", priority: Priority.LOW });
  for (let elapsedMs = 0; elapsedMs < 60_000; elapsedMs += workMs) {
    for (let count = 0; count < 10; count++) await submit(flood);
    await engine.clock.advance(workMs);
  }
  expect((await engine.manager.get(PRINCIPAL, low)).state).toBe(TaskState.COMPLETED);
  await engine.stop();
});
