import { create } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, it } from "vitest";
import { CancelMode, type Notice, NoticeSchema } from "../../gen/agentlane/store/v1/record_pb.js";
import { type EventBus, taskTopic, WORKERS_TOPIC } from "../../src/queue/contract.ts";
import { createMemoryEventBus } from "../../src/queue/memory/bus.ts";
import { createMemoryQueue } from "../../src/queue/memory/queue.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { createDispatcher, type Dispatcher } from "../../src/tasks/dispatcher.ts";
import { type CallFaults, callFaults } from "../fakes/call-faults.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import { fakeProcess } from "../fakes/fake-process.ts";
import { faultQueue } from "../fakes/fault-queue.ts";
import { faultStore } from "../fakes/fault-store.ts";
import { entriesNotice, QUEUE, submission, TENANT } from "../harness/builders.ts";

let clock: FakeClock;
let faults: CallFaults;
let bus: EventBus;
let dispatcher: Dispatcher;
let failures: number[];
let due: number[];

const store = () => createMemoryStore({ clock });
let shared: ReturnType<typeof store>;
let queue: ReturnType<typeof createMemoryQueue>;

beforeEach(async () => {
  clock = fakeClock();
  const process = fakeProcess("p", clock);
  faults = callFaults(process, clock);
  bus = createMemoryEventBus();
  queue = createMemoryQueue({ clock });
  shared = store();
  for (const part of [bus, queue, shared]) await part.start();
  failures = [];
  due = [];
  dispatcher = createDispatcher({
    store: faultStore(shared, faults),
    queue: faultQueue(queue, process, faults, { loseCount: 0, doubleCount: 0 }),
    bus,
    onPublishFailure: (_, doorbellCount) => failures.push(doorbellCount),
    onDue: (inMs) => due.push(inMs),
  });
});

/** Whether the sweeper would still ring for it. */
async function isUnpublished(): Promise<boolean> {
  await clock.jump(10_000);
  const hour = 3_600_000;
  const { effects } = await shared.tasks.sweep({
    limit: 10,
    unpublishedAfterMs: 5000,
    logRetentionMs: hour,
    taskRetentionMs: hour,
    deadLetterRetentionMs: hour,
    sessionRetentionMs: hour,
  });
  return effects.doorbells.length > 0;
}

describe("doorbells", () => {
  it("are confirmed to the store once the queue has them", async () => {
    const { effects } = await shared.tasks.create(submission());
    await dispatcher.dispatch(effects);
    await dispatcher.idle();
    expect((await queue.depth(QUEUE)).pendingCount).toBe(1);
    expect(await isUnpublished()).toBe(false);
  });

  it("that the queue refuses are reported and stay unpublished", async () => {
    faults.arm("publish", { kind: "unavailable" });
    const { effects } = await shared.tasks.create(submission());
    await dispatcher.dispatch(effects);
    expect(failures).toEqual([1]);
    expect(await isUnpublished()).toBe(true);
  });

  it("whose confirmation is lost ring twice rather than never", async () => {
    faults.arm("markPublished", { kind: "unavailable" });
    const { effects } = await shared.tasks.create(submission());
    await dispatcher.dispatch(effects);
    await dispatcher.idle();
    expect(failures).toEqual([1]);
    expect(await isUnpublished()).toBe(true);
  });

  it("are not waited for by whoever dispatched, but by idle", async () => {
    faults.arm("markPublished", { kind: "slow-request", ms: 500 });
    const { effects } = await shared.tasks.create(submission());
    await dispatcher.dispatch(effects);
    let isIdle = false;
    void dispatcher.idle().then(() => {
      isIdle = true;
    });
    await clock.advance(499);
    expect(isIdle).toBe(false);
    await clock.advance(1);
    expect(isIdle).toBe(true);
  });
});

describe("notices", () => {
  it("of entries go to the task's watchers, all others to the workers", async () => {
    const heard: string[] = [];
    const listen = (topic: string) =>
      bus.subscribe(topic, ({ kind }) => void heard.push(`${topic}: ${kind.case}`));
    await listen(taskTopic(TENANT, "t"));
    await listen(WORKERS_TOPIC);
    const cancel: Notice = create(NoticeSchema, {
      tenant: TENANT,
      taskId: "t",
      kind: { case: "cancelRequested", value: { mode: CancelMode.DISCARD } },
    });
    await dispatcher.dispatch({ doorbells: [], notices: [entriesNotice("t", 1, "a"), cancel] });
    await clock.advance(0);
    expect(heard).toEqual([`task/${TENANT}/t: entries`, "workers: cancelRequested"]);
  });

  it("of large entries tell only where the log ends now", async () => {
    const heard: Notice["kind"][] = [];
    await bus.subscribe(taskTopic(TENANT, "t"), ({ kind }) => void heard.push(kind));
    const notices = [entriesNotice("t", 4, "a", "x".repeat(300_000)), entriesNotice("t", 6, "b")];
    await dispatcher.dispatch({ doorbells: [], notices });
    await clock.advance(0);
    expect(heard).toMatchObject([
      { case: "entries", value: { entries: [], lastSequence: 5 } },
      { case: "entries", value: { entries: [{ sequence: 6 }], lastSequence: 0 } },
    ]);
  });

  it("leave before the doorbells are confirmed: nobody who watches waits for a broker", async () => {
    const heard: string[] = [];
    await bus.subscribe(taskTopic(TENANT, "t"), ({ taskId }) => void heard.push(taskId));
    faults.arm("publish", { kind: "slow-request", ms: 1000 });
    const { effects } = await shared.tasks.create(submission());
    const notices = [entriesNotice("t", 1, "a")];
    const dispatching = dispatcher.dispatch({ ...effects, notices, nextDueInMs: 70 });
    await clock.advance(0);
    expect([heard, due]).toEqual([["t"], [70]]);
    await clock.advance(1000);
    await dispatching;
  });
});
