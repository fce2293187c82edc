/** What the two calls make of a task's log, with a scripted manager behind them. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import {
  ExecuteRequestSchema,
  StreamExecuteRequestSchema,
} from "../../gen/agentlane/v1/agent_service_pb.js";
import {
  type TaskEvent,
  TaskEventSchema,
  TaskSchema,
  TaskState,
} from "../../gen/agentlane/v1/task_pb.js";
import { agentService } from "../../src/server/agent-service.ts";
import type { Call } from "../../src/server/rpc.ts";
import type { TaskRun, WatchedBatch } from "../../src/tasks/task-manager.ts";
import { fakeTaskManager } from "../fakes/fake-task-manager.ts";
import { taskError, taskResult } from "../harness/builders.ts";
import { principal } from "../harness/principals.ts";

const call: Call = {
  principal: principal(),
  signal: new AbortController().signal,
  remainingMs: () => undefined,
  accepted: () => undefined,
};
const request = create(ExecuteRequestSchema, { agentId: "echo", sessionId: "s1" });
const streamed = create(StreamExecuteRequestSchema, { agentId: "echo", sessionId: "s1" });

function change(state: TaskState): TaskEvent {
  const result = state === TaskState.COMPLETED ? { result: taskResult() } : {};
  const error = state === TaskState.FAILED ? { error: taskError() } : {};
  const value = { state, ...result, ...error };
  return create(TaskEventSchema, { kind: { case: "stateChange", value } });
}

/** Batches of states, one entry each. */
async function* batches(...states: TaskState[][]): AsyncGenerator<WatchedBatch> {
  let sequence = 0;
  for (const batch of states) {
    yield batch.map((state) => {
      sequence++;
      return { attempt: 1, sequence, mergedCount: 0, event: change(state) };
    });
  }
}

function serviceOf(run: Omit<TaskRun, "taskId">): ReturnType<typeof agentService> {
  return agentService({ ...fakeTaskManager(), run: async () => ({ taskId: "t1", ...run }) });
}

const { QUEUED, RUNNING, FAILED, COMPLETED } = TaskState;

test.each([
  ["in the same batch", [[QUEUED, RUNNING, FAILED, QUEUED, RUNNING, COMPLETED]]],
  ["in a later one", [[QUEUED, RUNNING, FAILED], [QUEUED], [RUNNING, COMPLETED]]],
])("a failure that was redriven %s is not the end", async (_title, states) => {
  const reply = await serviceOf({ entries: batches(...states) }).execute(request, call);
  expect([reply.state, reply.sequence]).toEqual([COMPLETED, 6]);
  const told: number[] = [];
  const stream = serviceOf({ entries: batches(...states) }).streamExecute(streamed, call);
  for await (const replies of stream) told.push(...replies.map(({ sequence }) => sequence));
  expect(told).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a log that ends without a terminal entry is UNAVAILABLE", async () => {
  const { execute } = serviceOf({ entries: batches([QUEUED, RUNNING]) });
  await expect(execute(request, call)).rejects.toMatchObject({ reason: "WATCH_ENDED" });
});

test("a repeated call is answered from the record of a task that has ended", async () => {
  const gone = async function* (): AsyncGenerator<WatchedBatch> {
    yield await Promise.reject(new Error("the log is gone"));
  };
  const record = (fields: MessageInitShape<typeof TaskSchema>) =>
    create(TaskSchema, { taskId: "t1", attempt: 2, lastSequence: 9, ...fields });
  const done = record({ state: COMPLETED, result: taskResult("42") });
  const reply = await serviceOf({ entries: gone(), ended: done }).execute(request, call);
  expect(reply).toMatchObject({ taskId: "t1", sessionId: "s1", attempt: 2, sequence: 9 });
  expect(reply.state).toBe(COMPLETED);
  expect(reply.result).toEqual(done.result);
  const failed = record({ state: FAILED, error: taskError() });
  const failing = serviceOf({ entries: gone(), ended: failed }).execute(request, call);
  await expect(failing).rejects.toMatchObject({ code: Code.Internal });
});

test("a result that cannot be read is an error, not an absent one", async () => {
  const error = taskError({ reason: "ENCRYPTION_KEY_UNKNOWN", code: 9 });
  const ended = create(TaskSchema, { taskId: "t1", state: COMPLETED, error });
  await expect(
    serviceOf({ entries: batches(), ended }).execute(request, call),
  ).rejects.toMatchObject({
    code: Code.FailedPrecondition,
  });
});
