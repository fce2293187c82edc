/** Names and tones of the contract's enums. */

import { Role } from "../../../gen/agentlane/v1/content_pb.js";
import {
  AttemptOutcome,
  Priority,
  type Task,
  TaskState,
} from "../../../gen/agentlane/v1/task_pb.js";
import { Code } from "../../../gen/google/rpc/code_pb.js";

export type Tone = "neutral" | "info" | "good" | "warn" | "bad" | "ask";

export const TASK_STATES: readonly TaskState[] = [
  TaskState.QUEUED,
  TaskState.RUNNING,
  TaskState.RETRY_WAIT,
  TaskState.COMPLETED,
  TaskState.INPUT_REQUIRED,
  TaskState.FAILED,
  TaskState.CANCELED,
];

export function stateName(state: TaskState): string {
  return words(TaskState[state]);
}

export function stateTone(state: TaskState): Tone {
  switch (state) {
    case TaskState.RUNNING:
      return "info";
    case TaskState.COMPLETED:
      return "good";
    case TaskState.RETRY_WAIT:
      return "warn";
    case TaskState.FAILED:
      return "bad";
    case TaskState.INPUT_REQUIRED:
      return "ask";
    default:
      return "neutral";
  }
}

/** Nothing follows, but for a redrive. */
export function isTerminal(state: TaskState): boolean {
  return (
    state === TaskState.COMPLETED ||
    state === TaskState.INPUT_REQUIRED ||
    state === TaskState.FAILED ||
    state === TaskState.CANCELED
  );
}

export function outcomeName(outcome: AttemptOutcome): string {
  return outcome === AttemptOutcome.UNSPECIFIED ? "Running" : words(AttemptOutcome[outcome]);
}

export function outcomeTone(outcome: AttemptOutcome): Tone {
  switch (outcome) {
    case AttemptOutcome.UNSPECIFIED:
      return "info";
    case AttemptOutcome.COMPLETED:
      return "good";
    case AttemptOutcome.INPUT_REQUIRED:
      return "ask";
    case AttemptOutcome.FAILED:
    case AttemptOutcome.LEASE_EXPIRED:
      return "bad";
    default:
      return "neutral";
  }
}

/** The running one counts once it has failed; whom a drain stops does not count. */
export function attemptsOf({
  state,
  consumedAttempts,
  maxAttempts,
}: Pick<Task, "state" | "consumedAttempts" | "maxAttempts">): string {
  if (state !== TaskState.RUNNING) return `${consumedAttempts} of ${maxAttempts} used`;
  return `${consumedAttempts + 1} of ${maxAttempts} runs now`;
}

export function priorityName(priority: Priority): string {
  return words(Priority[priority]);
}

export function roleName(role: Role): string {
  return words(Role[role]);
}

export function codeName(code: Code): string {
  return Code[code] ?? String(code);
}

/** "INPUT_REQUIRED" as "Input required". */
function words(name: string | undefined): string {
  const text = (name ?? "unknown").toLowerCase().replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
