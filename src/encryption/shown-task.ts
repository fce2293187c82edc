/** Tasks as they are answered: their result and errors opened. */
import { create } from "@bufbuild/protobuf";
import { type Task, type TaskError, TaskErrorSchema } from "../../gen/agentlane/v1/task_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";
import { AgentlaneError } from "../errors.ts";
import type { Ending, TaskRef } from "../store/contract.ts";
import type { Content } from "./content.ts";
import { sealedIn } from "./sealed-field.ts";

/** Throws for a result that cannot be read. `ref`: where it was found, whatever it says of itself. */
export async function openTask(content: Content, ref: TaskRef, task: Task): Promise<Task> {
  if (!hasSealed(task)) return task;
  const opened = await openErrors(content, ref, task);
  if (!task.result) return opened;
  return { ...opened, result: await content.openResult(ref, task.result) };
}

/**
 * For lists, and where something else has been done already: in place of a result that cannot be read,
 * the task has an error that says why. The others of a page are not to blame.
 */
export async function showTask(content: Content, ref: TaskRef, task: Task): Promise<Task> {
  try {
    return await openTask(content, ref, task);
  } catch (failure) {
    if (!(failure instanceof AgentlaneError)) throw failure;
    const { result: _, ...rest } = await openErrors(content, ref, task);
    return { ...rest, error: unreadable(failure) };
  }
}

/**
 * What an ending has made of its task, as far as its caller knows. Of the errors of attempts before
 * only what is readable: whoever ends an attempt does not look at them.
 */
export function endedTask(task: Task, attempt: number, ending: Ending): Task {
  if (!hasSealed(task)) return task;
  const known = "error" in ending ? ending.error : undefined;
  const attempts = task.attempts.map((each) => {
    const isKnown = known && each.attempt === attempt && isSealed(each.error);
    return isKnown ? { ...each, error: known } : each;
  });
  return {
    ...task,
    attempts,
    ...(isSealed(task.result) && "result" in ending && { result: ending.result }),
    ...(isSealed(task.error) && known && { error: known }),
  };
}

async function openErrors(content: Content, ref: TaskRef, task: Task): Promise<Task> {
  const attempts = await Promise.all(
    task.attempts.map(async (attempt) => {
      if (!attempt.error || !isSealed(attempt.error)) return attempt;
      return { ...attempt, error: await content.openError(ref, attempt.error) };
    }),
  );
  if (!task.error) return { ...task, attempts };
  return { ...task, attempts, error: await content.openError(ref, task.error) };
}

function hasSealed({ result, error, attempts }: Task): boolean {
  return isSealed(result) || isSealed(error) || attempts.some((each) => isSealed(each.error));
}

function isSealed(message: Parameters<typeof sealedIn>[0] | undefined): boolean {
  return message !== undefined && sealedIn(message) !== undefined;
}

export function refOf(tenant: string, { taskId }: Task): TaskRef {
  return { tenant, taskId };
}

function unreadable({ kind, reason, message, retryable }: AgentlaneError): TaskError {
  const code = kind === "data_loss" ? Code.DATA_LOSS : Code.FAILED_PRECONDITION;
  return create(TaskErrorSchema, { code, reason, message, retryable });
}
