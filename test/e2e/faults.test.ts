import { connect } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StreamExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { OnDisconnect, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { NOTHING_LEFT, type Program, startProgram } from "../harness/program.ts";

const AGENTS = new URL("bad-graphs/langgraph.json", import.meta.url).pathname;
const text = (value: string) => [
  { role: Role.USER, content: [{ part: { case: "text" as const, value } }] },
];
const turn = (agentId: string, sessionId = "s1") => ({ agentId, sessionId, messages: text("go") });
const quickly = { retryPolicy: { initialBackoff: { seconds: 0n, nanos: 1_000_000 } } };

let program: Program;

async function start(environment: Record<string, string> = {}): Promise<void> {
  program = await startProgram({}, environment);
}

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call succeeded");
}

/** Disconnects from the stream when the graph reports progress. */
async function abortOnceItRuns(
  agents: Program["agents"],
  request: ReturnType<typeof turn>,
): Promise<void> {
  const connection = new AbortController();
  const reading = (async () => {
    const options = { signal: connection.signal };
    for await (const { event } of agents.streamExecute(request, options)) {
      if (event?.kind.case === "progress") connection.abort();
    }
  })();
  expect((await failure(reading)).code).toBe(Code.Canceled);
}

/** Waits for the task to become terminal. */
async function endOf(taskId: string): Promise<TaskState | undefined> {
  for await (const _ of program.tasks.watchTask({ taskId }));
  return (await program.tasks.getTask({ taskId })).task?.state;
}

afterEach(async () => {
  expect(await program.stop()).toEqual(NOTHING_LEFT);
});

describe("a graph that", () => {
  beforeEach(() => start({ AGENTS, CANCEL_GRACE: "0.2" }));

  it("throws is retried and then answered as its error, with the task's id", async () => {
    const error = await failure(program.agents.execute({ ...turn("throws"), ...quickly }));
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).toContain("the graph is broken");
    expect(error.rawMessage).not.toContain("node_modules");
    const { tasks } = await program.tasks.listDeadLetters({});
    expect(tasks).toHaveLength(1);
    expect(tasks[0]?.attempts).toHaveLength(3);
  });

  it("hangs ends with its deadline, and the session goes on", async () => {
    const error = await failure(program.agents.execute(turn("hangs"), { timeoutMs: 300 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    const { tasks } = await program.tasks.listTasks({});
    expect(await endOf(tasks[0]?.taskId ?? "")).toBe(TaskState.FAILED);
    expect((await program.agents.execute(turn("good"))).state).toBe(TaskState.COMPLETED);
  });

  it("ignores its signal is left behind after the grace; its session goes on", async () => {
    const { task } = await program.tasks.submitTask(turn("deaf"));
    const taskId = task?.taskId ?? "";
    for await (const { event } of program.tasks.watchTask({ taskId })) {
      const kind = event?.kind;
      if (kind?.case === "stateChange" && kind.value.state === TaskState.RUNNING) break;
    }
    const target = { case: "taskId" as const, value: taskId };
    expect((await program.tasks.cancelTask({ target })).task?.state).toBe(TaskState.CANCELED);
  });

  it("rejects after its abort neither ends the process nor another task", async () => {
    const strays: unknown[] = [];
    const listener = (error: unknown): void => void strays.push(error);
    process.on("unhandledRejection", listener);
    try {
      await abortOnceItRuns(program.agents, turn("rejects"));
      expect((await program.agents.execute(turn("good"))).state).toBe(TaskState.COMPLETED);
    } finally {
      process.off("unhandledRejection", listener);
    }
    expect(strays.map(String)).toEqual(["Error: left behind after the abort"]);
  });

  it("blocks the loop loses no lease and no other task", async () => {
    await program.stop();
    await start({
      AGENTS,
      LEASE_DURATION: "1",
      LEASE_RENEW_INTERVAL: "0.3",
      SWEEP_INTERVAL: "0.2",
    });
    const calls = [turn("blocks", "b"), ...[1, 2, 3, 4, 5].map((n) => turn("good", `g${n}`))];
    const answers = await Promise.all(calls.map((call) => program.agents.execute(call)));
    expect(answers.map((answer) => [answer.state, answer.attempt])).toEqual(
      calls.map(() => [TaskState.COMPLETED, 1]),
    );
  });
});

describe("a stream of 100,000 tokens", () => {
  const flood = (onDisconnect = OnDisconnect.UNSPECIFIED) => ({
    ...turn("echo", "flood"),
    configurable: { tokens: 100_000 },
    onDisconnect,
  });

  it("reaches a reader that reads, complete and in order", async () => {
    await start();
    let next = 1;
    let tokens = 0;
    for await (const { sequence, mergedCount, event } of program.agents.streamExecute(flood())) {
      expect(sequence - mergedCount).toBe(next);
      next = sequence + 1;
      const kind = event?.kind;
      if (kind?.case === "chunk") {
        tokens += (kind.value.choices[0]?.delta?.content ?? "").split(" ").filter(Boolean).length;
      }
    }
    expect(tokens).toBe(100_000);
  });

  it("does not wait for a reader that never reads, nor fill the memory for it", async () => {
    await start();
    const client = connect(program.baseUrl);
    const request = create(StreamExecuteRequestSchema, flood(OnDisconnect.CONTINUE));
    const body = Buffer.from(toBinary(StreamExecuteRequestSchema, request));
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(body.length, 1);
    const before = process.memoryUsage().rss;
    const stream = client.request({
      ":method": "POST",
      ":path": "/agentlane.v1.AgentService/StreamExecute",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.pause();
    stream.on("error", () => undefined);
    stream.end(Buffer.concat([frame, body]));
    let taskId = "";
    while (taskId === "") {
      const { tasks } = await program.tasks.listTasks({});
      taskId = tasks[0]?.taskId ?? "";
    }
    expect(await endOf(taskId)).toBe(TaskState.COMPLETED);
    expect(process.memoryUsage().rss - before).toBeLessThan(600 * 1024 * 1024);
    client.destroy();
  });
});

it("a reader that has stopped counts as gone after a while: its call ends, its task is canceled", async () => {
  program = await startProgram({ server: { stallTimeoutMs: 200 } });
  const client = connect(program.baseUrl);
  const body = toBinary(
    StreamExecuteRequestSchema,
    create(StreamExecuteRequestSchema, {
      ...turn("echo", "stalled"),
      configurable: { tokens: 100_000, delayMs: 1 },
    }),
  );
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(body.length, 1);
  const stream = client.request({
    ":method": "POST",
    ":path": "/agentlane.v1.AgentService/StreamExecute",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  stream.pause();
  stream.end(Buffer.concat([frame, body]));
  let taskId = "";
  while (taskId === "") {
    const { tasks } = await program.tasks.listTasks({});
    taskId = tasks[0]?.taskId ?? "";
  }
  expect(await endOf(taskId)).toBe(TaskState.CANCELED);
  client.destroy();
});

describe("a client that disconnects", () => {
  beforeEach(() => start({ AGENTS, TASK_MANAGER_WORKERS: "1" }));

  it.each([
    ["while its task waits in the queue", "queued"],
    ["while its task runs", "running"],
  ])("%s cancels it", async (_title, when) => {
    const blocker = new AbortController();
    const blocking =
      when === "queued"
        ? failure(program.agents.execute(turn("hangs", "other"), { signal: blocker.signal }))
        : Promise.resolve();
    const connection = new AbortController();
    const calling = failure(
      (async () => {
        const options = { signal: connection.signal };
        for await (const reply of program.agents.streamExecute(turn("hangs"), options)) {
          const kind = reply.event?.kind;
          const wanted = when === "queued" ? TaskState.QUEUED : TaskState.RUNNING;
          if (kind?.case === "stateChange" && kind.value.state === wanted) connection.abort();
        }
      })(),
    );
    expect((await calling).code).toBe(Code.Canceled);
    const { tasks } = await program.tasks.listTasks({ sessionId: "s1" });
    expect(await endOf(tasks[0]?.taskId ?? "")).toBe(TaskState.CANCELED);
    blocker.abort();
    await blocking;
  });

  it("and asked to go on can watch the rest from where it was", async () => {
    await program.stop();
    await start();
    const connection = new AbortController();
    let taskId = "";
    let seen = 0;
    const request = {
      ...turn("echo"),
      configurable: { tokens: 50, delayMs: 5 },
      onDisconnect: OnDisconnect.CONTINUE,
    };
    const options = { signal: connection.signal };
    await failure(
      (async () => {
        for await (const reply of program.agents.streamExecute(request, options)) {
          ({ taskId, sequence: seen } = reply);
          if (seen === 10) connection.abort();
        }
      })(),
    );
    const rest: number[] = [];
    for await (const reply of program.tasks.watchTask({ taskId, afterSequence: seen })) {
      rest.push(reply.sequence);
    }
    expect(rest).toEqual(rest.map((_, index) => seen + 1 + index));
    expect(await endOf(taskId)).toBe(TaskState.COMPLETED);
  });
});
