/** What a drain that runs out of time leaves to clients and to the next process. */
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { AttemptOutcome, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { systemClock } from "../../src/clock.ts";
import { createMemoryEventBus } from "../../src/queue/memory/bus.ts";
import { createMemoryQueue } from "../../src/queue/memory/queue.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { NOTHING_LEFT, type Program, startProgram } from "../harness/program.ts";

const AGENTS = new URL("bad-graphs/langgraph.json", import.meta.url).pathname;
const turn = (sessionId: string) => ({
  agentId: "hangs",
  sessionId,
  messages: [{ role: Role.USER, content: [{ part: { case: "text" as const, value: "go" } }] }],
});

/** Resolves when as many tasks run. */
async function running(program: Program, count: number): Promise<string[]> {
  for (;;) {
    const { tasks } = await program.tasks.listTasks({ states: [TaskState.RUNNING] });
    if (tasks.length === count) return tasks.map(({ taskId }) => taskId);
  }
}

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => expect.unreachable("the call succeeded"),
    (error: unknown) => ConnectError.from(error),
  );
}

async function readAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

describe.each([
  { path: "native", nativeGrpc: true },
  { path: "Connect", nativeGrpc: false },
])("a drain that runs out of time, on the $path path", ({ nativeGrpc }) => {
  it("answers the calls that wait and hands their tasks back", async () => {
    const clock = systemClock;
    const store = createMemoryStore({ clock });
    const backends = { store, queue: createMemoryQueue({ clock }), bus: createMemoryEventBus() };
    const program = await startProgram({ backends, server: { nativeGrpc } }, { AGENTS });
    const { runtime, agents, tasks } = program;
    const executing = failure(agents.execute(turn("s1")));
    const streaming = failure(readAll(agents.streamExecute(turn("s2"))));
    const { task } = await tasks.submitTask(turn("s3"));
    const watching = failure(readAll(tasks.watchTask({ taskId: task?.taskId ?? "" })));
    const taskIds = await running(program, 3);

    await runtime.drain(50);
    await runtime.stop();

    const told: (string | undefined)[] = [];
    for (const error of await Promise.all([executing, streaming, watching])) {
      expect(error.code, error.message).toBe(Code.Unavailable);
      expect(error.findDetails(RetryInfoSchema)).toHaveLength(1);
      const [info] = error.findDetails(ErrorInfoSchema);
      expect(info?.reason).toBe("WATCH_ENDED");
      told.push(info?.metadata.task_id);
    }
    expect(told.sort()).toEqual(taskIds.sort());
    for (const taskId of taskIds) {
      const left = await store.log.get({ tenant: "default", taskId });
      expect(TaskState[left.state]).toBe("QUEUED");
      expect(left.consumedAttempts).toBe(0);
      expect(left.attempts.map(({ outcome }) => outcome)).toEqual([AttemptOutcome.RELEASED]);
    }
    expect(await program.stop()).toEqual(NOTHING_LEFT);
  });
});
