/** The state machine of a task, pure. The picture is in README.md. */
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";

const TERMINAL: ReadonlySet<TaskState> = new Set([
  TaskState.COMPLETED,
  TaskState.INPUT_REQUIRED,
  TaskState.FAILED,
  TaskState.CANCELED,
]);

/** Whether nothing but a redrive (of FAILED) leaves the state. */
export function isTerminal(state: TaskState): boolean {
  return TERMINAL.has(state);
}
