/** Calls that submit a task and wait for it. A disconnect may cancel the task, see `TaskManager.run`. */
import { OnDisconnect, type Task } from "../../gen/agentlane/v1/task_pb.js";
import { isKind } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { createCallers } from "./callers.ts";
import type { Principal } from "./principal.ts";
import type { SubmitOptions, TaskInput, TaskManager } from "./task-manager.ts";
import { isTerminal } from "./task-state.ts";
import type { Watch } from "./watch.ts";
import type { Watchers } from "./watchers.ts";

export interface RunParts {
  readonly watchers: Watchers;
  readonly newId: NewId;
  accept(
    taskId: string,
    principal: Principal,
    input: TaskInput,
    options: SubmitOptions,
  ): Promise<{ task: Task; existing: boolean }>;
  cancelAfterDisconnect(principal: Principal, taskId: string): void;
}

interface Attachment {
  readonly principal: Principal;
  readonly taskId: string;
  /** Whether a disconnect of this call is to cancel the task. */
  readonly cancels: boolean;
  readonly signal: AbortSignal;
  opening(): Promise<Watch>;
}

export function createRuns(parts: RunParts): TaskManager["run"] {
  const { watchers } = parts;
  const callers = createCallers();

  /** Joins before the watch is open: from now on a disconnect of another call cancels nothing. */
  async function attach({ principal, taskId, cancels, signal, opening }: Attachment) {
    const caller = callers.join(taskId);
    let watch: Watch;
    try {
      watch = await opening();
    } catch (error) {
      caller.leave({ disconnected: false, cancels });
      throw error;
    }
    watch.whenClosed(() => {
      const disconnected = !watch.ended && isDisconnect(signal);
      if (caller.leave({ disconnected, cancels })) parts.cancelAfterDisconnect(principal, taskId);
    });
    return { taskId, entries: { [Symbol.asyncIterator]: () => watch } };
  }

  return async (principal, input, options, signal) => {
    const ownId = parts.newId();
    // Open before the task exists: so nothing is missed, and nothing has to be read.
    const own = { tenant: principal.tenant, taskId: ownId };
    const watch = await watchers.open({ ref: own, afterSequence: 0, fresh: true, signal });
    let accepted: { task: Task; existing: boolean };
    try {
      accepted = await parts.accept(ownId, principal, input, options);
    } catch (error) {
      watch.close();
      throw error;
    }
    const { task, existing } = accepted;
    if (!existing) {
      const cancels = input.onDisconnect !== OnDisconnect.CONTINUE;
      const opening = async () => watch;
      return attach({ principal, taskId: ownId, cancels, signal, opening });
    }
    watch.close();
    const { taskId, state } = task;
    const ref = { tenant: principal.tenant, taskId };
    const replay = { ref, afterSequence: 0, fresh: false, signal };
    if (isTerminal(state)) return { taskId, entries: watchers.lazy(replay), ended: task };
    const opening = () => watchers.open(replay);
    return attach({ principal, taskId, cancels: false, signal, opening });
  };
}

/**
 * A deadline that passes ends the task by itself, and a server that stops hands it on. A caller whose
 * credential has ended is told no more; the task was accepted while it was valid.
 */
const LEAVES_THE_TASK = ["deadline_exceeded", "unavailable", "unauthenticated"] as const;

function isDisconnect(signal: AbortSignal): boolean {
  return signal.aborted && !LEAVES_THE_TASK.some((kind) => isKind(signal.reason, kind));
}
