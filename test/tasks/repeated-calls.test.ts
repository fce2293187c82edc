/** Calls with the same idempotency key that wait for the same task in one process. */
import { afterEach, expect, it } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { untilAborted } from "../fakes/scripted-executor.ts";
import {
  collect,
  type Engine,
  input,
  PRINCIPAL,
  startEngine,
  submit,
  watchToEnd,
} from "../harness/engine.ts";

const streaming = { streaming: true, deadlineInMs: undefined };
let engine: Engine;

async function start(): Promise<void> {
  engine = await startEngine({ script: (turn) => untilAborted(turn.signal) });
}

afterEach(async () => {
  await engine.stop();
  expect(engine.clock.timerCount, "timers left").toBe(0);
  expect(engine.manager.watcherCount(), "watchers left").toBe(0);
});

async function stateOf({ taskId }: { taskId: string }): Promise<string> {
  return TaskState[(await engine.manager.get(PRINCIPAL, taskId)).state];
}

it("a disconnect of the first call leaves the task to a repeated one, whose own ends it", async () => {
  await start();
  const request = input({ idempotencyKey: "k" });
  const [first, second] = [new AbortController(), new AbortController()];
  const task = await engine.manager.run(PRINCIPAL, request, streaming, first.signal);
  await engine.manager.run(PRINCIPAL, request, streaming, second.signal);
  first.abort();
  await engine.clock.advance(2000);
  expect(await stateOf(task)).toBe("RUNNING");
  second.abort();
  await engine.clock.advance(2000);
  expect(await stateOf(task)).toBe("CANCELED");
});

it("a stop while a repeated call waits leaves the task to the next process", async () => {
  await start();
  const request = input({ idempotencyKey: "k" });
  const [first, second] = [new AbortController(), new AbortController()];
  const task = await engine.manager.run(PRINCIPAL, request, streaming, first.signal);
  const { entries } = await engine.manager.run(PRINCIPAL, request, streaming, second.signal);
  first.abort();
  engine.manager.endWatches();
  await expect(collect(entries)).rejects.toMatchObject({
    reason: "WATCH_ENDED",
    metadata: { task_id: task.taskId },
  });
  await engine.clock.advance(2000);
  expect(await stateOf(task)).toBe("RUNNING");
});

it("a repeated call of a task that has ended is told how, and opens no watch", async () => {
  engine = await startEngine();
  const task = await submit(engine, { idempotencyKey: "k" });
  await watchToEnd(engine, task.taskId);
  const { signal } = new AbortController();
  const request = input({ idempotencyKey: "k" });
  const { taskId, ended } = await engine.manager.run(PRINCIPAL, request, streaming, signal);
  expect(taskId).toBe(task.taskId);
  expect(ended).toEqual(await engine.manager.get(PRINCIPAL, taskId));
});
