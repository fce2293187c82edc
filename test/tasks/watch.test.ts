import { beforeEach, describe, expect, it } from "vitest";
import { type TaskEvent, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../../src/errors.ts";
import { type EventBus, taskTopic } from "../../src/queue/contract.ts";
import { createMemoryEventBus } from "../../src/queue/memory/bus.ts";
import { grownNotice } from "../../src/store/messages.ts";
import type { WatchedBatch, WatchedEntry } from "../../src/tasks/task-manager.ts";
import { openWatch, SILENCE_MS, type Watch } from "../../src/tasks/watch.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import { completed, type FakeTaskLog, fakeTaskLog, stateEvent } from "../fakes/fake-task-log.ts";
import { chunk } from "../fakes/scripted-executor.ts";
import { messageEvents } from "../harness/builders.ts";

let clock: FakeClock;
let bus: EventBus;
let log: FakeTaskLog;
let openCount: number;

beforeEach(async () => {
  clock = fakeClock();
  bus = createMemoryEventBus();
  await bus.start();
  log = fakeTaskLog(bus);
  openCount = 0;
});

function open({ after = 0, fresh = false } = {}): Promise<Watch> {
  openCount++;
  return openWatch(
    { log, bus, clock },
    { ref: log.ref, afterSequence: after, fresh, onClose: () => void openCount-- },
  );
}

/** What `next` has answered by now; undefined while it waits. */
function peek(watch: Watch): () => IteratorResult<WatchedBatch, undefined> | undefined {
  let answer: IteratorResult<WatchedBatch, undefined> | undefined;
  void watch.next().then((result) => {
    answer = result;
  });
  return () => answer;
}

async function readAll(watch: Watch): Promise<WatchedEntry[]> {
  const entries: WatchedEntry[] = [];
  for (;;) {
    const { done, value } = await watch.next();
    if (done) return entries;
    entries.push(...value);
  }
}

function sequences(entries: readonly WatchedEntry[]): number[] {
  return entries.map(({ sequence }) => sequence);
}

function chunkEvent(text: string): TaskEvent {
  const event = chunk("m", text);
  if (event.type !== "event") throw new Error("a chunk is an event");
  return { $typeName: "agentlane.v1.TaskEvent", kind: event.kind };
}

describe("a watch", () => {
  it("that is fresh never reads the store while every notice arrives", async () => {
    const watch = await open({ fresh: true });
    log.write(messageEvents("a", "b"));
    log.write([completed()]);
    expect(sequences(await readAll(watch))).toEqual([1, 2, 3]);
    expect(log.readCount).toBe(0);
  });

  it("that starts late reads what is stored, then lives on notices", async () => {
    log.write(messageEvents("a", "b", "c"));
    const watch = await open({ after: 1 });
    expect(sequences((await watch.next()).value ?? [])).toEqual([2, 3]);
    log.write([completed()]);
    expect(sequences(await readAll(watch))).toEqual([4]);
    expect(log.readCount).toBe(1);
  });

  it("fills the gap that a lost notice left as soon as it hears of a later entry", async () => {
    const watch = await open({ fresh: true });
    log.write(messageEvents("a"));
    log.write(messageEvents("lost"), false);
    log.write([...messageEvents("b"), completed()]);
    await clock.advance(0);
    expect(sequences(await readAll(watch))).toEqual([1, 2, 3, 4]);
    expect(clock.timerCount).toBe(0);
  });

  it("reads at once what a notice only tells the end of, because it is large", async () => {
    const watch = await open({ fresh: true });
    log.write(messageEvents("a"));
    expect((await watch.next()).value?.[0]?.sequence).toBe(1);
    const next = peek(watch);
    log.write([...messageEvents("large"), completed()], false);
    bus.publish(taskTopic(log.ref.tenant, log.ref.taskId), grownNotice(log.ref, 3));
    await clock.advance(0);
    expect(sequences(next()?.value ?? [])).toEqual([2, 3]);
    expect((await watch.next()).done).toBe(true);
    expect(log.readCount).toBe(1);
  });

  it("is not misled by pages that are shorter than what there is", async () => {
    log.write([...messageEvents("a", "b", "c", "d"), completed()]);
    const read = log.read;
    log.read = (ref, after) => read(ref, after, 1);
    const watch = await open();
    expect(sequences(await readAll(watch))).toEqual([1, 2, 3, 4, 5]);
    expect(log.readCount).toBe(5);
  });

  it("asks the store after a second of silence: a lost terminal notice costs no more", async () => {
    const watch = await open({ fresh: true });
    const next = peek(watch);
    log.write([completed()], false);
    await clock.advance(SILENCE_MS - 1);
    expect(next()).toBeUndefined();
    await clock.advance(1);
    expect(next()?.value?.[0]?.sequence).toBe(1);
    expect((await watch.next()).done).toBe(true);
  });

  it("ignores what it has seen: doubled and late notices", async () => {
    const watch = await open({ fresh: true });
    log.write(messageEvents("a"));
    expect((await watch.next()).value?.[0]?.sequence).toBe(1);
    log.drop(1);
    log.write([completed()]);
    log.write([]);
    expect(sequences(await readAll(watch))).toEqual([2]);
  });

  it("takes what arrives while it reads the store exactly once", async () => {
    log.write(messageEvents("a"));
    const watch = await open();
    const gate = Promise.withResolvers<void>();
    log.onRead = () => gate.promise;
    const next = peek(watch);
    await clock.advance(0);
    log.write(messageEvents("b"));
    await clock.advance(0);
    gate.resolve();
    log.onRead = undefined;
    await clock.advance(0);
    expect(sequences(next()?.value ?? [])).toEqual([1, 2]);
    log.write([completed()]);
    expect(sequences(await readAll(watch))).toEqual([3]);
  });

  it("never has two reads of the store under way", async () => {
    log.write(messageEvents(...Array.from({ length: 600 }, (_, index) => `${index}`)));
    log.onRead = () => clock.sleep(3 * SILENCE_MS);
    const watch = await open();
    const reading = readAll(watch);
    for (let count = 0; count < 20; count++) {
      log.write(messageEvents("more"), count % 2 === 0);
      await clock.advance(SILENCE_MS);
    }
    log.write([completed()], false);
    await clock.advance(20 * SILENCE_MS);
    expect(sequences(await reading)).toEqual(Array.from({ length: 621 }, (_, index) => index + 1));
    expect(log.mostReadsAtOnce).toBe(1);
  });

  it("of an ended task after its terminal event ends at once", async () => {
    log.write([completed()]);
    expect(await readAll(await open({ after: 1 }))).toEqual([]);
  });

  it("goes on through a failure that was redriven", async () => {
    log.write([
      stateEvent(TaskState.QUEUED),
      stateEvent(TaskState.RUNNING),
      stateEvent(TaskState.FAILED),
      stateEvent(TaskState.QUEUED),
      stateEvent(TaskState.RUNNING),
      completed(),
    ]);
    expect(sequences(await readAll(await open()))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("ends with a failure that is redriven only later", async () => {
    const watch = await open({ fresh: true });
    log.write([stateEvent(TaskState.QUEUED), stateEvent(TaskState.FAILED)]);
    expect(sequences(await readAll(watch))).toEqual([1, 2]);
  });
});

describe("a slow reader", () => {
  it("catches up through the store, with deltas merged and nothing lost", async () => {
    const watch = await open({ fresh: true });
    const texts = Array.from({ length: 8000 }, (_, index) => `${index} `);
    for (const text of texts) log.write([chunkEvent(text)]);
    log.write([completed()]);
    await clock.advance(0);
    const entries = await readAll(watch);
    let covered = 0;
    let text = "";
    for (const { sequence, mergedCount, event } of entries) {
      expect(sequence - mergedCount).toBe(covered + 1);
      covered = sequence;
      if (event.kind.case === "chunk") text += event.kind.value.choices[0]?.delta?.content ?? "";
    }
    expect(covered).toBe(8001);
    expect(text).toBe(texts.join(""));
    expect(entries.length).toBeLessThan(200);
  });
});

describe("a position that cannot be served", () => {
  it("past retention is OUT_OF_RANGE and names the first that is kept", async () => {
    log.write(messageEvents("a", "b", "c"));
    log.drop(2);
    await expect((await open({ after: 1 })).next()).rejects.toMatchObject({
      kind: "out_of_range",
      reason: "LOG_PAST_RETENTION",
      metadata: { task_id: "task-1", first_sequence: "3" },
    });
    expect((await (await open({ after: 2 })).next()).value?.[0]?.sequence).toBe(3);
  });

  it("beyond the end is OUT_OF_RANGE and names the last", async () => {
    log.write(messageEvents("a"));
    await expect((await open({ after: 2 })).next()).rejects.toMatchObject({
      kind: "out_of_range",
      reason: "SEQUENCE_BEYOND_END",
      metadata: { last_sequence: "1" },
    });
  });

  it("closes the watch, as any error does", async () => {
    await expect((await open({ after: 2 })).next()).rejects.toThrow();
    log.onRead = () => Promise.reject(new AgentlaneError("unavailable", "STORE_DOWN", "down"));
    await expect((await open()).next()).rejects.toMatchObject({
      kind: "unavailable",
      reason: "WATCH_BROKEN",
      metadata: { task_id: log.ref.taskId },
    });
    expect(openCount).toBe(0);
  });
});

describe("closing", () => {
  it.each(["close", "return"] as const)(
    "%s ends a pending next and drops the timer",
    async (how) => {
      const watch = await open({ fresh: true });
      const next = peek(watch);
      await clock.advance(0);
      await watch[how]?.();
      await clock.advance(0);
      expect(next()).toEqual({ done: true, value: undefined });
      expect([openCount, clock.timerCount]).toEqual([0, 0]);
      await watch[how]?.();
      expect(openCount).toBe(0);
    },
  );

  it("while the store is read ends that next too, and hands nothing out", async () => {
    log.write(messageEvents("a"));
    const watch = await open();
    log.onRead = () => clock.sleep(50);
    const next = peek(watch);
    await clock.advance(10);
    watch.close();
    await clock.advance(50);
    expect(next()).toEqual({ done: true, value: undefined });
    expect(clock.timerCount).toBe(0);
  });

  it("leaves no subscription when the bus refuses one", async () => {
    await bus.stop();
    await expect(open()).rejects.toMatchObject({ reason: "BUS_STOPPED" });
    expect(openCount).toBe(0);
  });
});
