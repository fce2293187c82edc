import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WorkerSchema } from "../../gen/agentlane/v1/operations_service_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { createMemoryEventBus } from "../../src/queue/memory/bus.ts";
import { createMemoryQueue } from "../../src/queue/memory/queue.ts";
import type { Lease, Store } from "../../src/store/contract.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { createDispatcher, type Dispatcher } from "../../src/tasks/dispatcher.ts";
import { type Chore, createSweeper, repairChores, type Sweeper } from "../../src/tasks/sweeper.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import { type FakeBroker, fakeBroker } from "../fakes/fault-queue.ts";
import { newTaskId, QUEUE, submission, TENANT } from "../harness/builders.ts";

const half = (): number => 0.5;

let clock: FakeClock;
let sweeper: Sweeper;
let failures: string[];

beforeEach(() => {
  clock = fakeClock();
  failures = [];
});

afterEach(async () => {
  const stopping = sweeper.stop();
  await clock.advance(5000);
  await stopping;
  expect(clock.timerCount, "timers left").toBe(0);
});

function sweeping(...chores: Chore[]): Sweeper {
  const onFailure = (chore: string, error: unknown): void => {
    failures.push(`${chore}: ${String(error)}`);
  };
  sweeper = createSweeper({ clock, random: half, chores, onFailure });
  return sweeper;
}

describe("a chore", () => {
  it("runs at its interval, ± 10 %, first at a random point of it", async () => {
    const ranAt: number[] = [];
    const run = async (): Promise<void> => void ranAt.push(clock.monotonic());
    await sweeping({ name: "a", intervalMs: 1000, run }).start();
    await clock.advance(4000);
    expect(ranAt).toEqual([500, 1500, 2500, 3500]);
  });

  it("runs at once at the start where it is to find what others left behind", async () => {
    const ranAt: number[] = [];
    const run = async (): Promise<void> => void ranAt.push(clock.monotonic());
    await sweeping({ name: "a", intervalMs: 1000, runsAtStart: true, run }).start();
    await clock.advance(2500);
    expect(ranAt).toEqual([0, 1000, 2000]);
  });

  it("never runs twice at once, however long it takes and however often it is due", async () => {
    let atOnce = 0;
    let most = 0;
    let count = 0;
    const run = async (): Promise<void> => {
      most = Math.max(most, ++atOnce);
      count++;
      await clock.sleep(2500);
      atOnce--;
    };
    await sweeping({ name: "slow", intervalMs: 1000, followsDue: true, run }).start();
    for (let step = 0; step < 100; step++) {
      sweeper.dueIn(0);
      await clock.advance(100);
    }
    expect(most).toBe(1);
    expect(count).toBeGreaterThan(2);
  });

  it("runs earlier when something is known to be due, and at its interval again", async () => {
    const ranAt: number[] = [];
    const run = async (): Promise<void> => void ranAt.push(clock.monotonic());
    await sweeping({ name: "a", intervalMs: 1000, followsDue: true, run }).start();
    sweeper.dueIn(200);
    sweeper.dueIn(300);
    sweeper.dueIn(5000);
    await clock.advance(1300);
    expect(ranAt).toEqual([200, 1200]);
  });

  it("remembers what it hears to be due while it runs", async () => {
    const ranAt: number[] = [];
    const run = async (): Promise<void> => {
      ranAt.push(clock.monotonic());
      if (ranAt.length === 1) sweeper.dueIn(400);
      await clock.sleep(50);
    };
    await sweeping({ name: "a", intervalMs: 5000, followsDue: true, run }).start();
    sweeper.dueIn(200);
    await clock.advance(1000);
    expect(ranAt).toEqual([200, 600]);
  });

  it("that fails is reported and runs again", async () => {
    let count = 0;
    const run = async (): Promise<void> => {
      if (++count === 1) throw new Error("boom");
    };
    await sweeping({ name: "a", intervalMs: 1000, run }).start();
    await clock.advance(2000);
    expect(failures).toEqual(["a: Error: boom"]);
    expect(count).toBe(2);
  });

  it("lets others go first after the loop was blocked, if it wishes so", async () => {
    const ran: string[] = [];
    const named = (name: string, yieldsWhenLate: boolean): Chore => {
      return { name, intervalMs: 1000, yieldsWhenLate, run: async () => void ran.push(name) };
    };
    await sweeping(named("a", true), named("b", false)).start();
    await clock.jump(10_000);
    expect(ran).toEqual(["b"]);
    await clock.advance(200);
    expect(ran).toEqual(["b", "a"]);
  });

  it("runs every second time at least where it is always late", async () => {
    let count = 0;
    const run = async (): Promise<void> => void count++;
    await sweeping({ name: "a", intervalMs: 1000, yieldsWhenLate: true, run }).start();
    for (let step = 0; step < 10; step++) await clock.jump(3000);
    expect(count).toBe(5);
  });
});

describe("stop", () => {
  it("waits for the run under way and starts no other", async () => {
    let isDone = false;
    const run = async (): Promise<void> => {
      await clock.sleep(700);
      isDone = true;
    };
    await sweeping({ name: "a", intervalMs: 1000, run }).start();
    await clock.advance(600);
    let isStopped = false;
    const stopping = sweeper.stop().then(() => {
      isStopped = true;
    });
    await clock.advance(500);
    expect([isDone, isStopped]).toEqual([false, false]);
    await clock.advance(100);
    expect([isDone, isStopped]).toEqual([true, true]);
    sweeper.dueIn(0);
    expect(clock.timerCount).toBe(0);
    await stopping;
  });

  it("may be followed by another start", async () => {
    let count = 0;
    const run = async (): Promise<void> => void count++;
    await sweeping({ name: "a", intervalMs: 1000, run }).start();
    await sweeper.stop();
    await sweeper.start();
    await clock.advance(1000);
    expect(count).toBe(1);
  });
});

describe("the repairs", () => {
  let store: Store;
  let broker: FakeBroker;
  let dispatcher: Dispatcher;

  async function start(sweepIntervalMs = 1000): Promise<void> {
    store = createMemoryStore({ clock });
    broker = fakeBroker(() => createMemoryQueue({ clock }));
    const bus = createMemoryEventBus();
    for (const part of [store, broker, bus]) await part.start();
    dispatcher = createDispatcher({
      store,
      queue: broker,
      bus,
      onPublishFailure: (error) => failures.push(String(error)),
      onDue: (inMs) => sweeper.dueIn(inMs),
    });
    await sweeping(
      ...repairChores({
        store,
        queue: broker,
        dispatcher,
        random: half,
        leaseMs: 15_000,
        sweepIntervalMs,
        reconcileIntervalMs: 5000,
        sweep: {
          limit: 2,
          unpublishedAfterMs: 5000,
          logRetentionMs: 60_000,
          taskRetentionMs: 60_000,
          deadLetterRetentionMs: 60_000,
          sessionRetentionMs: 60_000,
        },
      }),
    ).start();
  }

  async function accept(count: number, sweepIntervalMs?: number): Promise<string[]> {
    await start(sweepIntervalMs);
    const ids: string[] = [];
    for (let index = 0; index < count; index++) {
      const { task, effects } = await store.tasks.create(submission());
      await dispatcher.dispatch(effects);
      ids.push(task.taskId);
    }
    return ids;
  }

  async function claim(taskId: string): Promise<Lease> {
    const request = { workerId: "w", claimId: newTaskId(), leaseMs: 15_000, spanId: "" };
    const { claim } = await store.tasks.claim({ ref: { tenant: TENANT, taskId }, ...request });
    if (!claim) throw new Error(`${taskId} was not ready`);
    return claim.lease;
  }

  async function stateOf(taskId: string): Promise<TaskState> {
    return (await store.log.get({ tenant: TENANT, taskId })).state;
  }

  async function pendingCount(): Promise<number> {
    return (await broker.depth(QUEUE)).pendingCount;
  }

  it("ring again for everything ready after the broker was flushed, page by page", async () => {
    await accept(7);
    await broker.flush();
    expect(await pendingCount()).toBe(0);
    await clock.advance(6000);
    expect(await pendingCount()).toBe(7);
  });

  /** Steps of a reconcile; the worker, on another process, goes on reporting its 4 slots. */
  async function reconcile(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      const worker = create(WorkerSchema, { workerId: "w", queues: [QUEUE], slots: 4 });
      await store.workers.report({ worker, ttlMs: 15_000, changed: [], removed: [] });
      await clock.advance(5000);
    }
  }

  it("leave a backlog alone of which another process has some in hand, wherever the broker does not tell", async () => {
    await accept(1200);
    const { depth } = broker;
    broker.depth = async (name) => ({ ...(await depth(name)), unsettledCount: 0 });
    const consumer = await broker.consume({ queues: [QUEUE], workerId: "w", prefetch: 4 });
    const { signal } = new AbortController();
    const inHand = await Promise.all([1, 2, 3].map(() => consumer.receive(signal)));
    await reconcile(5);
    for (const delivery of inHand) await delivery?.nack();
    expect(await pendingCount()).toBe(1200);
    await consumer.close();
  });

  it("ring again within a minute for a doorbell that a long queue has lost", async () => {
    await accept(1200);
    const consumer = await broker.consume({ queues: [QUEUE], workerId: "w", prefetch: 4 });
    await (await consumer.receive(new AbortController().signal))?.ack();
    await consumer.close();
    await reconcile(13);
    expect(await pendingCount()).toBe(2399);
  });

  it("ring again at once for a doorbell that a short queue has lost", async () => {
    await accept(40);
    const consumer = await broker.consume({ queues: [QUEUE], workerId: "w", prefetch: 4 });
    await (await consumer.receive(new AbortController().signal))?.ack();
    await consumer.close();
    await reconcile(2);
    expect(await pendingCount()).toBe(79);
  });

  it("leave a broker alone that holds what it should", async () => {
    await accept(3);
    await clock.advance(60_000);
    expect(await pendingCount()).toBe(3);
  });

  it("ring for what was accepted and never published, after 5 s", async () => {
    await start();
    await store.tasks.create(submission());
    await clock.advance(7000);
    expect(await pendingCount()).toBe(1);
  });

  it("end attempts whose lease has ended, all of them, and retry", async () => {
    const ids = await accept(5);
    for (const id of ids) await claim(id);
    await clock.advance(14_900);
    expect(await Promise.all(ids.map(stateOf))).toEqual(ids.map(() => TaskState.RUNNING));
    await clock.advance(1100);
    for (const id of ids) expect(await stateOf(id)).not.toBe(TaskState.RUNNING);
  });

  it.each([1000, 30_000])(
    "expire after a blocked loop only once renewals have gone first, with an interval of %d ms",
    async (sweepIntervalMs) => {
      const [id = ""] = await accept(1, sweepIntervalMs);
      const lease = await claim(id);
      await clock.jump(20_000);
      expect(await stateOf(id)).toBe(TaskState.RUNNING);
      const [status] = await store.tasks.renew([lease], 15_000);
      expect(status?.valid).toBe(true);
      await clock.advance(5000);
      expect(await stateOf(id)).toBe(TaskState.RUNNING);
    },
  );

  it("expire after a blocked loop what nobody renews", async () => {
    const [id = ""] = await accept(1);
    await claim(id);
    await clock.jump(20_000);
    await clock.advance(1000);
    expect(await stateOf(id)).not.toBe(TaskState.RUNNING);
  });
});
