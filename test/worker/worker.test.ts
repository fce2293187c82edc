import { afterEach, describe, expect, it } from "vitest";
import { AttemptOutcome, MultitaskStrategy, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../../src/errors.ts";
import { createReadiness } from "../../src/tasks/readiness.ts";
import {
  assistantMessage,
  chunk,
  forever,
  messageEvent,
  outcome,
  question,
  textOf,
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

async function start(options: EngineOptions = {}): Promise<Engine> {
  engine = await startEngine(options);
  return engine;
}

afterEach(async () => {
  await engine.stop();
  expect(engine.clock.timerCount, "timers left").toBe(0);
  expect(engine.manager.watcherCount(), "watchers left").toBe(0);
});

describe("an attempt that succeeds", () => {
  it("tells QUEUED, RUNNING, COMPLETED with dense sequences and the answer", async () => {
    await start();
    const task = await submit(engine);
    const log = await watchToEnd(engine, task.taskId);
    const states = log.map(
      ({ event }) => event.kind.case === "stateChange" && event.kind.value.state,
    );
    expect(states).toEqual([TaskState.QUEUED, TaskState.RUNNING, TaskState.COMPLETED]);
    expect(log.map((entry) => entry.sequence)).toEqual([1, 2, 3]);
    const done = await engine.manager.get(PRINCIPAL, task.taskId);
    expect(textOf(done.result?.messages ?? [])).toBe("hello");
    expect(done.result?.sessionVersion).toBe(1n);
  });

  it("commits the turn to the session, and the next turn gets it as history", async () => {
    await start();
    await watchToEnd(engine, (await submit(engine)).taskId);
    await watchToEnd(engine, (await submit(engine, { messages: [userMessage("again")] })).taskId);
    expect(textOf(engine.executor.turns[1]?.context.history ?? [])).toBe("hellohello");
    await engine.clock.advance(0);
    const view = await engine.sessions.get(PRINCIPAL, { agentId: "scripted", sessionId: "s1" });
    expect(view.context.version).toBe(2n);
    expect(view.context.history).toHaveLength(4);
    expect(view.instance?.turnCount).toBe(2);
  });

  it("keeps nothing of a stateless turn", async () => {
    await start();
    await watchToEnd(engine, (await submit(engine, { sessionId: "" })).taskId);
    await watchToEnd(engine, (await submit(engine, { sessionId: "" })).taskId);
    expect(engine.executor.turns[1]?.context.history).toEqual([]);
    const instances = await engine.store.workers.instances("default", {}, { size: 10, token: "" });
    expect(instances.items).toEqual([]);
  });
});

describe("an attempt that fails", () => {
  it("is retried after a backoff and keeps its place in the lane", async () => {
    let calls = 0;
    await start({
      script: async (turn) => {
        if (++calls === 1) throw new Error("boom");
        return { messages: [assistantMessage(`m${calls}`, textOf(turn.messages))] };
      },
    });
    const first = await submit(engine);
    const second = await submit(engine, { messages: [userMessage("second")] });
    await engine.clock.advance(0);
    const waiting = await engine.manager.get(PRINCIPAL, first.taskId);
    expect(waiting.state).toBe(TaskState.RETRY_WAIT);
    expect((await engine.manager.get(PRINCIPAL, second.taskId)).state).toBe(TaskState.QUEUED);
    await engine.clock.advance(1000);
    await watchToEnd(engine, second.taskId);
    const done = await engine.manager.get(PRINCIPAL, first.taskId);
    expect(done.state).toBe(TaskState.COMPLETED);
    expect(done.attempts.map((attempt) => attempt.outcome)).toEqual([
      AttemptOutcome.FAILED,
      AttemptOutcome.COMPLETED,
    ]);
    expect(engine.executor.turns.map((turn) => textOf(turn.messages))).toEqual([
      "hello",
      "hello",
      "second",
    ]);
  });

  it("is not retried when it emits more than the log takes, and what fitted stays", async () => {
    await start({
      worker: { logLimits: { maxEvents: 3, maxBytes: 1_000_000 } },
      script: async function* () {
        for (let i = 0; i < 10; i++) yield chunk("m", `${i}`);
        yield outcome();
      },
    });
    const task = await submit(engine, { maxAttempts: 3 });
    const log = await watchToEnd(engine, task.taskId);
    expect(log.filter(({ event }) => event.kind.case === "chunk")).toHaveLength(3);
    expect(await engine.manager.get(PRINCIPAL, task.taskId)).toMatchObject({
      state: TaskState.FAILED,
      consumedAttempts: 1,
      error: { reason: "OUTPUT_TOO_LARGE", retryable: false },
    });
  });

  it("becomes a dead letter when its attempts are exhausted", async () => {
    await start({
      script: async () => {
        throw new Error("boom");
      },
    });
    const task = await submit(engine, { maxAttempts: 2 });
    await engine.clock.advance(10_000);
    const done = await engine.manager.get(PRINCIPAL, task.taskId);
    expect(done.state).toBe(TaskState.FAILED);
    expect(done.error?.reason).toBe("AGENT_ERROR");
    expect(done.error?.message).toContain("boom");
    expect(done.consumedAttempts).toBe(2);
    const page = { size: 10, token: "" };
    const letters = await engine.manager.listDeadLetters(PRINCIPAL, {}, page);
    expect(letters.items.map((letter) => letter.taskId)).toEqual([task.taskId]);
  });

  it("is not retried when the error is not retryable", async () => {
    await start({
      script: async () => {
        throw new AgentlaneError("invalid_argument", "BAD_MODEL", "no such model");
      },
    });
    const task = await submit(engine);
    await engine.clock.advance(0);
    const done = await engine.manager.get(PRINCIPAL, task.taskId);
    expect(done.state).toBe(TaskState.FAILED);
    expect(done.consumedAttempts).toBe(1);
  });

  it("waits at least the provider's Retry-After", async () => {
    let calls = 0;
    await start({
      script: async () => {
        if (++calls > 1) return {};
        throw new AgentlaneError("resource_exhausted", "MODEL_RATE_LIMITED", "429", {
          retryAfterMs: 20_000,
        });
      },
    });
    const task = await submit(engine);
    await engine.clock.advance(19_999);
    expect((await engine.manager.get(PRINCIPAL, task.taskId)).state).toBe(TaskState.RETRY_WAIT);
    await engine.clock.advance(3000);
    expect((await engine.manager.get(PRINCIPAL, task.taskId)).state).toBe(TaskState.COMPLETED);
  });
});

describe("limits on time", () => {
  it("fails an attempt that runs longer than its timeout, without a retry", async () => {
    await start({ script: (turn) => untilAborted(turn.signal) });
    const timeout = { $typeName: "google.protobuf.Duration" as const, seconds: 2n, nanos: 0 };
    const task = await submit(engine, { timeout });
    await engine.clock.advance(2000);
    const done = await engine.manager.get(PRINCIPAL, task.taskId);
    expect(done.state).toBe(TaskState.FAILED);
    expect(done.error?.reason).toBe("ATTEMPT_TIMEOUT");
  });

  it("leaves an executor behind that ignores its signal, after the grace", async () => {
    await start({ script: forever });
    const task = await submit(engine);
    await engine.clock.advance(0);
    const canceling = engine.manager.cancel(PRINCIPAL, { taskId: task.taskId }, "enough");
    await engine.clock.advance(1000);
    expect((await canceling).state).toBe(TaskState.RUNNING);
    expect((await canceling).cancelRequestedAt).toBeDefined();
    await engine.clock.advance(4000);
    expect((await engine.manager.get(PRINCIPAL, task.taskId)).state).toBe(TaskState.CANCELED);
    expect(engine.problems).toContainEqual(expect.stringContaining("ignored its signal"));
  });
});

describe("cancel", () => {
  it("aborts a running attempt and answers CANCELED", async () => {
    await start({ script: (turn) => untilAborted(turn.signal) });
    const task = await submit(engine);
    await engine.clock.advance(0);
    const canceled = await engine.manager.cancel(PRINCIPAL, { taskId: task.taskId }, "");
    expect(canceled.state).toBe(TaskState.CANCELED);
    const again = await engine.manager.cancel(PRINCIPAL, { taskId: task.taskId }, "");
    expect(again.state).toBe(TaskState.CANCELED);
  });

  it("follows a disconnect by default, and does not with CONTINUE", async () => {
    await start({ script: (turn) => untilAborted(turn.signal) });
    for (const [onDisconnect, state] of [
      [0, TaskState.CANCELED],
      [2, TaskState.RUNNING],
    ] as const) {
      const connection = new AbortController();
      const request = input({ sessionId: `s${onDisconnect}`, onDisconnect });
      const run = await engine.manager.run(
        PRINCIPAL,
        request,
        { streaming: true, deadlineInMs: undefined },
        connection.signal,
      );
      await engine.clock.advance(0);
      connection.abort();
      expect((await collect(run.entries)).length).toBeGreaterThanOrEqual(0);
      await engine.clock.advance(0);
      expect((await engine.manager.get(PRINCIPAL, run.taskId)).state).toBe(state);
    }
  });
});

describe("multitask strategies on a busy session", () => {
  const partial = async function* (turn: { signal: AbortSignal }) {
    yield messageEvent(assistantMessage("m1", "done so far"));
    yield chunk("m2", "half a sen");
    await untilAborted(turn.signal);
  };

  it("INTERRUPT commits what the running attempt has produced, then runs the new task", async () => {
    await start({ script: partial });
    const first = await submit(engine);
    await engine.clock.advance(0);
    engine.executor.script = async () => ({});
    const second = await submit(engine, {
      messages: [userMessage("stop, do this")],
      multitaskStrategy: MultitaskStrategy.INTERRUPT,
    });
    await watchToEnd(engine, second.taskId);
    expect((await engine.manager.get(PRINCIPAL, first.taskId)).state).toBe(TaskState.CANCELED);
    const history = engine.executor.turns[1]?.context.history ?? [];
    expect(history.map((message) => textOf([message]))).toEqual([
      "hello",
      "done so far",
      "half a sen",
    ]);
  });

  it("ROLLBACK leaves the session as it was", async () => {
    await start({ script: partial });
    await submit(engine);
    await engine.clock.advance(0);
    engine.executor.script = async () => ({});
    const second = await submit(engine, { multitaskStrategy: MultitaskStrategy.ROLLBACK });
    await watchToEnd(engine, second.taskId);
    expect(engine.executor.turns[1]?.context.history).toEqual([]);
  });

  it("REJECT refuses the new task", async () => {
    await start({ script: partial });
    await submit(engine);
    await expect(
      submit(engine, { multitaskStrategy: MultitaskStrategy.REJECT }),
    ).rejects.toMatchObject({ reason: "SESSION_BUSY" });
  });
});

describe("interrupts", () => {
  it("end the task as INPUT_REQUIRED; the next message is the answer", async () => {
    await start({ script: async () => ({ interrupts: [question("q", "really?")] }) });
    const first = await submit(engine);
    await watchToEnd(engine, first.taskId);
    const asked = await engine.manager.get(PRINCIPAL, first.taskId);
    expect(asked.state).toBe(TaskState.INPUT_REQUIRED);
    engine.executor.script = async () => ({});
    await watchToEnd(engine, (await submit(engine, { messages: [userMessage("yes")] })).taskId);
    expect(engine.executor.turns[1]?.resume).toBe("yes");
    const name = { agentId: "scripted", sessionId: "s1" };
    const { context } = await engine.sessions.get(PRINCIPAL, name);
    expect(textOf(context.history)).toBe("helloyes");
  });
});

describe("a worker that goes away", () => {
  it("hands its tasks back on a stop, without consuming an attempt", async () => {
    await start({ script: (turn) => untilAborted(turn.signal) });
    const task = await submit(engine);
    await engine.clock.advance(0);
    await engine.workers[0]?.stop();
    const waiting = await engine.manager.get(PRINCIPAL, task.taskId);
    expect(waiting.state).toBe(TaskState.QUEUED);
    expect(waiting.consumedAttempts).toBe(0);
    engine.executor.script = async () => ({});
    await engine.startWorker();
    const log = await watchToEnd(engine, task.taskId);
    expect(log.at(-1)?.attempt).toBe(2);
  });
});

describe("readiness", () => {
  it("is that of a queue that answers, also while all slots are busy for long", async () => {
    await start({ script: (turn) => untilAborted(turn.signal), worker: { slots: 1 } });
    const { chore, lacks } = createReadiness({
      ...engine,
      lastPolledAt: () => engine.workers[0]?.lastPolledAt() ?? 0,
    });
    await engine.clock.advance(60_000);
    await chore.run();
    expect(lacks()).toEqual([]);
    await submit(engine);
    await engine.clock.advance(60_000);
    expect(engine.workers[0]?.busyCount()).toBe(1);
    await chore.run();
    expect(lacks()).toEqual([]);
  });
});

describe("a stream", () => {
  it("delivers every token in order to a reader that keeps up", async () => {
    await start({
      script: async function* () {
        for (let index = 0; index < 500; index++) yield chunk("m", `${index} `);
        yield outcome({});
      },
    });
    const { signal } = new AbortController();
    const run = await engine.manager.run(
      PRINCIPAL,
      input(),
      { streaming: true, deadlineInMs: undefined },
      signal,
    );
    const reading = collect(run.entries);
    await engine.clock.advance(0);
    const log = await reading;
    expect(log.map((entry) => entry.sequence)).toEqual(log.map((_, index) => index + 1));
    expect(log).toHaveLength(503);
  });

  it("loses nothing and stays bounded for a reader that does not read", async () => {
    await start({
      script: async function* () {
        for (let index = 0; index < 20_000; index++) yield chunk("m", `${index} `);
        yield outcome({});
      },
    });
    const { signal } = new AbortController();
    const run = await engine.manager.run(
      PRINCIPAL,
      input(),
      { streaming: true, deadlineInMs: undefined },
      signal,
    );
    const ended = watchToEnd(engine, run.taskId);
    await engine.clock.advance(0);
    await ended;
    const log = await collect(run.entries);
    const text = log
      .map(({ event }) =>
        event.kind.case === "chunk" ? event.kind.value.choices[0]?.delta?.content : "",
      )
      .join("");
    expect(text).toBe(Array.from({ length: 20_000 }, (_, index) => `${index} `).join(""));
    expect(log.length).toBeLessThan(5000);
    let covered = 0;
    for (const entry of log) {
      expect(entry.sequence - entry.mergedCount).toBe(covered + 1);
      covered = entry.sequence;
    }
  });
});
