import { expect, test } from "vitest";
import { AttemptOutcome, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { encryptBus } from "../../src/encryption/encrypted-bus.ts";
import { encryptStore } from "../../src/encryption/encrypted-store.ts";
import { createKeyRing } from "../../src/encryption/key-ring.ts";
import { createMemoryEventBus } from "../../src/queue/memory/bus.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import { contentOf, contentWith, newKeys } from "../harness/encryption.ts";
import { PRINCIPAL, startEngine, submit, watchToEnd } from "../harness/engine.ts";

const KEYS = newKeys("k1");

/** A process whose keys can be taken away and given back. */
async function engineWith() {
  const clock = fakeClock();
  const ring = createKeyRing(KEYS);
  const content = contentWith(ring);
  const inner = createMemoryStore({ clock });
  const store = encryptStore(inner, content);
  const engine = await startEngine({
    clock,
    store,
    bus: encryptBus(createMemoryEventBus(), content),
  });
  const owner = encryptStore(inner, contentOf(KEYS));
  const get = (taskId: string) => owner.log.get({ tenant: PRINCIPAL.tenant, taskId });
  return { engine, ring, clock, owner, get };
}

test("a turn runs, streams and is kept, all of it encrypted", async () => {
  const { engine } = await engineWith();
  const task = await submit(engine);
  const watched = await watchToEnd(engine, task.taskId);
  expect(watched.at(-1)?.event.kind).toMatchObject({
    value: { state: TaskState.COMPLETED, result: { messages: [{ id: `${task.taskId}-answer` }] } },
  });
  expect(engine.problems).toEqual([]);
  await engine.stop();
});

test("without the key a task waits half a minute before each attempt, and is kept", async () => {
  const { engine, ring, clock, get } = await engineWith();
  await watchToEnd(engine, (await submit(engine)).taskId);
  for (const worker of engine.workers) await worker.stop();
  const { taskId: task } = await submit(engine, { sessionId: "s2" });
  ring.use(newKeys("other"));
  await engine.startWorker();
  await clock.advance(1000);
  expect(await get(task)).toMatchObject({ state: TaskState.RETRY_WAIT, consumedAttempts: 1 });
  await clock.advance(28_000);
  expect((await get(task)).consumedAttempts).toBe(1);
  await clock.advance(120_000);
  const failed = await get(task);
  expect(failed).toMatchObject({
    state: TaskState.FAILED,
    consumedAttempts: 3,
    error: { reason: "ENCRYPTION_KEY_UNKNOWN" },
  });
  expect(failed.attempts.map(({ outcome }) => outcome)).toEqual([
    AttemptOutcome.FAILED,
    AttemptOutcome.FAILED,
    AttemptOutcome.FAILED,
  ]);
  expect(engine.executor.turns).toHaveLength(1);
  ring.use(KEYS);
  const { effects } = await engine.store.deadLetters.redrive(PRINCIPAL.tenant, [task]);
  await engine.dispatcher.dispatch(effects);
  await clock.advance(1000);
  expect((await get(task)).state).toBe(TaskState.COMPLETED);
  await engine.stop();
});

test("a session that cannot be read is not overwritten", async () => {
  const { engine, ring, clock, owner, get } = await engineWith();
  const ref = { tenant: PRINCIPAL.tenant, agentId: "scripted", sessionId: "s1" };
  await watchToEnd(engine, (await submit(engine)).taskId);
  const before = await owner.sessions.load(ref);
  for (const worker of engine.workers) await worker.stop();
  ring.use(newKeys("other"));
  const { taskId } = await submit(engine);
  await engine.startWorker();
  await clock.advance(200_000);
  expect((await get(taskId)).state).toBe(TaskState.FAILED);
  expect(await owner.sessions.load(ref)).toEqual(before);
  await engine.stop();
});
