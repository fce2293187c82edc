/** What breaks if X happens between Y and Z? */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AttemptOutcome,
  MultitaskStrategy,
  type Task,
  TaskState,
} from "../../gen/agentlane/v1/task_pb.js";
import { createMemoryQueue } from "../../src/queue/memory/queue.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { type CallFaults, callFaults } from "../fakes/call-faults.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import { type FakeProcess, fakeProcess } from "../fakes/fake-process.ts";
import { faultQueue } from "../fakes/fault-queue.ts";
import { faultStore } from "../fakes/fault-store.ts";
import {
  assistantMessage,
  chunk,
  messageEvent,
  outcome,
  untilAborted,
  userMessage,
} from "../fakes/scripted-executor.ts";
import {
  collect,
  type Engine,
  type EngineOptions,
  input,
  PRINCIPAL,
  startEngine,
  submit,
  watchToEnd,
} from "../harness/engine.ts";

let engine: Engine;
let clock: FakeClock;
let process: FakeProcess;
let storeCalls: CallFaults;
let queueCalls: CallFaults;

beforeEach(() => {
  clock = fakeClock();
  process = fakeProcess("engine", clock);
  storeCalls = callFaults(process, clock);
  queueCalls = callFaults(process, clock);
});

async function start(options: EngineOptions = {}): Promise<void> {
  const queueFaults = { loseCount: 0, doubleCount: 0 };
  const memoryQueue = createMemoryQueue({ clock });
  await memoryQueue.start();
  engine = await startEngine({
    clock,
    store: faultStore(createMemoryStore({ clock }), storeCalls),
    queue: faultQueue(memoryQueue, process, queueCalls, queueFaults),
    ...options,
  });
}

afterEach(async () => {
  storeCalls.heal();
  queueCalls.heal();
  const stopping = engine.stop();
  await clock.advance(10_000);
  await stopping;
  expect(clock.timerCount, "timers left").toBe(0);
  expect(engine.manager.watcherCount(), "watchers left").toBe(0);
  for (const worker of engine.workers) expect(worker.heldLeaseCount()).toBe(0);
});

function get({ taskId }: { taskId: string }): Promise<Task> {
  return engine.manager.get(PRINCIPAL, taskId);
}

async function stateOf(task: { taskId: string }): Promise<string> {
  return TaskState[(await get(task)).state];
}

function outcomesOf({ attempts }: Task): string[] {
  return attempts.map(({ outcome }) => AttemptOutcome[outcome]);
}

/** Whether it has resolved by now. */
function settled(work: Promise<unknown>): () => boolean {
  let isSettled = false;
  void work.then(() => {
    isSettled = true;
  });
  return () => isSettled;
}

const hang = { script: (turn: { signal: AbortSignal }) => untilAborted(turn.signal) };

describe("between the claim in the store and its reply", () => {
  it("a cancel still aborts the attempt within a second", async () => {
    await start(hang);
    storeCalls.arm("claim", { kind: "slow-reply", ms: 100 });
    const task = await submit(engine);
    await clock.advance(50);
    expect(await stateOf(task)).toBe("RUNNING");
    const canceling = engine.manager.cancel(PRINCIPAL, task, "enough");
    await clock.advance(50);
    expect(await stateOf(task)).toBe("CANCELED");
    expect((await canceling).state).toBe(TaskState.CANCELED);
    expect(engine.executor.turns).toEqual([]);
  });

  it("a stop hands the task back as soon as the reply is there", async () => {
    await start(hang);
    storeCalls.arm("claim", { kind: "slow-reply", ms: 100 });
    const task = await submit(engine);
    await clock.advance(50);
    const isStopped = settled(engine.workers[0]?.stop() ?? Promise.reject());
    await clock.advance(50);
    expect(isStopped()).toBe(true);
    expect(outcomesOf(await get(task))).toEqual(["RELEASED"]);
  });

  it("a lease that has ended meanwhile starts no turn", async () => {
    await start();
    storeCalls.arm("claim", { kind: "slow-reply", ms: 15_000 });
    const task = await submit(engine);
    await clock.advance(14_999);
    expect(engine.executor.turns).toEqual([]);
    await clock.advance(6000);
    expect(engine.executor.turns.map(({ attempt }) => attempt)).toEqual([2]);
    expect(outcomesOf(await get(task))).toEqual(["LEASE_EXPIRED", "COMPLETED"]);
  });

  it.each([1, 2])("%i lost replies cost nothing: the claim is repeated", async (count) => {
    await start();
    for (let i = 0; i < count; i++) storeCalls.arm("claim", { kind: "lost-reply" });
    const task = await submit(engine);
    await clock.advance(1000);
    expect(outcomesOf(await get(task))).toEqual(["COMPLETED"]);
  });

  it("a reply that stays lost costs the lease and one attempt, not the task", async () => {
    await start();
    for (let i = 0; i < 3; i++) storeCalls.arm("claim", { kind: "lost-reply" });
    const task = await submit(engine);
    await clock.advance(20_000);
    expect(outcomesOf(await get(task))).toEqual(["LEASE_EXPIRED", "COMPLETED"]);
  });
});

describe("between the claim and the ack", () => {
  it("a broker that goes away costs nothing: the attempt runs", async () => {
    await start();
    queueCalls.arm("ack", { kind: "unavailable" });
    const task = await submit(engine);
    await clock.advance(0);
    expect(outcomesOf(await get(task))).toEqual(["COMPLETED"]);
    expect((await engine.queue.depth("agent.tasks")).unsettledCount).toBe(0);
  });
});

describe("between the claim and the first event", () => {
  it("a store that does not answer the load costs time, not an attempt", async () => {
    await start();
    await watchToEnd(engine, (await submit(engine)).taskId);
    await engine.workers[0]?.stop();
    await engine.startWorker();
    storeCalls.arm("load", { kind: "unavailable" });
    storeCalls.arm("load", { kind: "unavailable" });
    const task = await submit(engine);
    await clock.advance(2000);
    expect(outcomesOf(await get(task))).toEqual(["COMPLETED"]);
    expect(engine.executor.turns[1]?.context.version).toBe(1n);
  });

  it("a deadline that passes exactly at the claim fails the task without a turn", async () => {
    await start({ withWorker: false });
    const options = { streaming: false, deadlineInMs: 500 };
    const { task } = await engine.manager.submit(PRINCIPAL, input(), options);
    await clock.advance(499);
    await clock.jump(1);
    await engine.startWorker();
    await clock.advance(0);
    expect((await get(task)).error?.reason).toBe("DEADLINE_EXCEEDED");
    expect(engine.executor.turns).toEqual([]);
  });
});

describe("while the attempt runs", () => {
  it("a destroyed session takes the lease: the agent stops, nothing is written", async () => {
    await start(hang);
    const task = await submit(engine);
    await clock.advance(0);
    const name = { agentId: "scripted", sessionId: "s1" };
    const destroyed = await engine.sessions.destroy(PRINCIPAL, name);
    expect(destroyed).toEqual({ destroyed: true, canceledTaskCount: 1 });
    await clock.advance(0);
    expect(engine.executor.turns[0]?.signal.aborted).toBe(true);
    await expect(get(task)).rejects.toMatchObject({ kind: "not_found" });
    await expect(engine.sessions.get(PRINCIPAL, name)).rejects.toMatchObject({
      kind: "not_found",
    });
    expect(engine.workers[0]?.heldLeaseCount()).toBe(0);
  });

  it("an import into its session is refused", async () => {
    await start(hang);
    await submit(engine);
    await clock.advance(0);
    const [turn] = engine.executor.turns;
    if (!turn) throw new Error("no turn has started");
    const context = { ...turn.context, version: 7n };
    await expect(engine.sessions.import(PRINCIPAL, context, true)).rejects.toMatchObject({
      reason: "SESSION_BUSY",
    });
  });

  it("a loop blocked longer than the lease keeps it: renewals go before expiry", async () => {
    await start({ script: (turn) => clock.sleep(40_000, turn.signal).then(() => ({})) });
    const task = await submit(engine);
    await clock.advance(7000);
    await clock.jump(30_000);
    await clock.advance(10_000);
    expect(outcomesOf(await get(task))).toEqual(["COMPLETED"]);
  });

  it("a process frozen beyond its lease loses it: its writes are refused, its agent stops", async () => {
    const other = fakeProcess("other", clock);
    const store = createMemoryStore({ clock });
    await start({ store, withWorker: false });
    const calls = callFaults(other, clock);
    const frozen = await startEngine({
      clock: { ...clock, ...other.clock },
      store: faultStore(store, calls),
      queue: engine.queue,
      bus: engine.bus,
      worker: { slots: 1 },
      script: async function* (turn) {
        yield chunk("m", "before ");
        await untilAborted(turn.signal).catch(() => undefined);
        yield chunk("m", "after");
        yield outcome({ messages: [assistantMessage("m", "before after")] });
      },
    });
    const task = await submit(engine);
    await clock.advance(0);
    other.freeze();
    await clock.advance(16_000);
    await engine.startWorker();
    await clock.advance(4000);
    expect(await stateOf(task)).toBe("COMPLETED");
    other.thaw();
    await clock.advance(6000);
    expect(frozen.executor.turns[0]?.signal.aborted).toBe(true);
    const log = await watchToEnd(engine, task.taskId);
    const texts = log.map(({ event }) => event.kind.case).filter((kind) => kind === "chunk");
    expect(texts).toHaveLength(1);
    expect(outcomesOf(await get(task))).toEqual(["LEASE_EXPIRED", "COMPLETED"]);
    await frozen.workers[0]?.stop();
    await frozen.sweeper.stop();
  });
});

describe("between the append in the store and its reply", () => {
  it("a lost reply repeats the append and writes nothing twice", async () => {
    await start({
      script: async function* () {
        for (const text of ["a", "b", "c"]) {
          yield messageEvent(assistantMessage(text, text));
          await clock.sleep(1000);
        }
        yield outcome();
      },
    });
    storeCalls.arm("append", { kind: "lost-reply" });
    const task = await submit(engine);
    await clock.advance(5000);
    const log = await watchToEnd(engine, task.taskId);
    const ids = log.flatMap(({ event }) =>
      event.kind.case === "message" ? [event.kind.value.id] : [],
    );
    expect(ids).toEqual(["a", "b", "c"]);
  });

  it("a drain waits for the append and hands the task back behind its events", async () => {
    await start({
      script: async function* (turn) {
        yield chunk("m", "one");
        await untilAborted(turn.signal);
      },
    });
    storeCalls.arm("append", { kind: "slow-reply", ms: 300 });
    const task = await submit(engine);
    await clock.advance(100);
    const isStopped = settled(engine.workers[0]?.stop() ?? Promise.reject());
    await clock.advance(199);
    expect([isStopped(), await stateOf(task)]).toEqual([false, "RUNNING"]);
    await clock.advance(1);
    expect([isStopped(), await stateOf(task)]).toEqual([true, "QUEUED"]);
    expect((await get(task)).lastSequence).toBe(4);
  });
});

describe("between the finish in the store and its reply", () => {
  it("a lost reply repeats the finish: one terminal event, one commit, a warm instance", async () => {
    await start();
    storeCalls.arm("finish", { kind: "lost-reply" });
    const task = await submit(engine);
    await clock.advance(1000);
    const log = await watchToEnd(engine, task.taskId);
    expect(log).toHaveLength(3);
    await watchToEnd(engine, (await submit(engine)).taskId);
    expect(engine.executor.turns[1]?.context.version).toBe(1n);
  });

  it("a finish under way when the lease ends counts if nobody has acted on the end", async () => {
    await start({ script: async () => clock.sleep(4000).then(() => ({})) });
    storeCalls.arm("finish", { kind: "slow-request", ms: 16_000 });
    for (let count = 0; count < 4; count++) storeCalls.arm("renew", { kind: "unavailable" });
    for (let count = 0; count < 30; count++) storeCalls.arm("expired", { kind: "unavailable" });
    const task = await submit(engine);
    await clock.advance(20_500);
    expect(outcomesOf(await get(task))).toEqual(["COMPLETED"]);
  });

  it("a finish under way when the lease is taken is refused, and the retry wins", async () => {
    await start({ script: async () => clock.sleep(1000).then(() => ({})) });
    storeCalls.arm("finish", { kind: "slow-request", ms: 25_000 });
    for (let count = 0; count < 4; count++) storeCalls.arm("renew", { kind: "unavailable" });
    const task = await submit(engine);
    await clock.advance(30_000);
    const done = await get(task);
    expect(outcomesOf(done)).toEqual(["LEASE_EXPIRED", "COMPLETED"]);
    expect(done.result?.sessionVersion).toBe(1n);
  });
});

describe("between a finish that keeps interrupted output and its arrival", () => {
  it("a rollback discards the output, in the store and in the warm instance", async () => {
    await start({
      script: async function* (turn) {
        yield messageEvent(assistantMessage("m", "half"));
        if (turn.messages.some(({ id }) => id !== "quick")) await untilAborted(turn.signal);
        yield outcome();
      },
    });
    const task = await submit(engine);
    await clock.advance(0);
    storeCalls.arm("finish", { kind: "slow-request", ms: 100 });
    await submit(engine, { multitaskStrategy: MultitaskStrategy.INTERRUPT });
    await clock.advance(50);
    const last = await submit(engine, {
      multitaskStrategy: MultitaskStrategy.ROLLBACK,
      messages: [userMessage("again", "quick")],
    });
    await clock.advance(50);
    await watchToEnd(engine, last.taskId);
    expect(await stateOf(task)).toBe("CANCELED");
    expect(engine.executor.turns.at(-1)?.context.history).toEqual([]);
    const name = { agentId: "scripted", sessionId: "s1" };
    expect((await engine.sessions.get(PRINCIPAL, name)).context.version).toBe(1n);
  });
});

describe("between the create and the first read of its stream", () => {
  const streaming = { streaming: true, deadlineInMs: undefined };

  it("a disconnect cancels the task, also one that came during the create", async () => {
    await start(hang);
    storeCalls.arm("create", { kind: "slow-reply", ms: 100 });
    const connection = new AbortController();
    const running = engine.manager.run(PRINCIPAL, input(), streaming, connection.signal);
    await clock.advance(50);
    connection.abort();
    await clock.advance(50);
    const { taskId, entries } = await running;
    await clock.advance(0);
    expect(await collect(entries)).toEqual([]);
    expect(await stateOf({ taskId })).toBe("CANCELED");
  });

  it("a disconnect of a repeated call leaves the first call's task alone", async () => {
    await start(hang);
    const request = input({ idempotencyKey: "k" });
    const { task } = await engine.manager.submit(PRINCIPAL, request, streaming);
    const connection = new AbortController();
    const run = await engine.manager.run(PRINCIPAL, request, streaming, connection.signal);
    expect(run.taskId).toBe(task.taskId);
    connection.abort();
    await clock.advance(2000);
    expect(await stateOf(task)).toBe("RUNNING");
    expect(engine.manager.watcherCount()).toBe(0);
  });

  it("a gateway that dies leaves a task that the sweeper publishes", async () => {
    await start();
    queueCalls.arm("publish", { kind: "unavailable" });
    const task = await submit(engine);
    expect(await stateOf(task)).toBe("QUEUED");
    await clock.advance(6000);
    expect(await stateOf(task)).toBe("COMPLETED");
  });
});

describe("a cancel", () => {
  it("works while no further watch may be opened", async () => {
    await start({ ...hang, maxWatchers: 1 });
    const task = await submit(engine);
    const connection = new AbortController();
    const watching = collect(engine.manager.watch(PRINCIPAL, task.taskId, 0, connection.signal));
    await clock.advance(0);
    const canceled = await engine.manager.cancel(PRINCIPAL, task, "enough");
    expect(canceled.state).toBe(TaskState.CANCELED);
    connection.abort();
    await watching;
  });

  it("whose wait meets a store that does not answer leaves no watch open", async () => {
    await start(hang);
    const task = await submit(engine);
    await clock.advance(0);
    storeCalls.arm("read", { kind: "unavailable" });
    await expect(engine.manager.cancel(PRINCIPAL, task, "enough")).rejects.toMatchObject({
      kind: "unavailable",
    });
    expect(engine.manager.watcherCount()).toBe(0);
    await clock.advance(0);
    expect(await stateOf(task)).toBe("CANCELED");
  });
});
