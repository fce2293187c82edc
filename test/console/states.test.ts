import { expect, test } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { attemptsOf } from "../../src/console/model/states.ts";

test.each([
  [TaskState.QUEUED, 0, "0 of 3 used"],
  [TaskState.RUNNING, 0, "1 of 3 runs now"],
  [TaskState.RETRY_WAIT, 1, "1 of 3 used"],
  [TaskState.RUNNING, 2, "3 of 3 runs now"],
  [TaskState.FAILED, 3, "3 of 3 used"],
])("a task in state %i with %i attempts behind it: %s", (state, consumedAttempts, told) => {
  expect(attemptsOf({ state, consumedAttempts, maxAttempts: 3 })).toBe(told);
});
