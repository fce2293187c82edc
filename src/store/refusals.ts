/** What stores refuse, in the words of all adapters. */
import { AgentlaneError } from "../errors.ts";

/** A hint for clients of a full queue, not a promise. */
const QUEUE_FULL_RETRY_MS = 1000;

export function taskNotFound(taskId: string): AgentlaneError {
  return new AgentlaneError("not_found", "TASK_NOT_FOUND", `there is no task ${taskId}`, {
    metadata: { task_id: taskId },
  });
}

export function keyNotFound(): AgentlaneError {
  return new AgentlaneError(
    "not_found",
    "TASK_NOT_FOUND",
    "no task was submitted with this idempotency key",
  );
}

export function idempotencyConflict(idempotencyKey: string, taskId: string): AgentlaneError {
  return new AgentlaneError(
    "already_exists",
    "IDEMPOTENCY_CONFLICT",
    `idempotency key ${idempotencyKey} was used with another request`,
    { metadata: { task_id: taskId } },
  );
}

export function sessionBusy(sessionId: string, unfinishedCount: number): AgentlaneError {
  return new AgentlaneError(
    "failed_precondition",
    "SESSION_BUSY",
    `session ${sessionId} has ${unfinishedCount} unfinished tasks`,
  );
}

export function sessionExists(sessionId: string): AgentlaneError {
  return new AgentlaneError(
    "already_exists",
    "SESSION_EXISTS",
    `session ${sessionId} exists; set overwrite to replace it`,
  );
}

export function queueFull(queue: string, unfinishedCount: number): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "QUEUE_FULL",
    `queue ${queue} holds ${unfinishedCount} unfinished tasks; try again later`,
    { retryAfterMs: QUEUE_FULL_RETRY_MS },
  );
}

/** Not worth a repeat: what would come then is of a tenant that begins anew. */
export function tenantClosed(): AgentlaneError {
  return new AgentlaneError(
    "failed_precondition",
    "TENANT_DELETED",
    "the tenant is being deleted, or was a moment ago: nothing new of it is accepted",
    { retryable: false },
  );
}

export function sequenceMismatch(
  taskId: string,
  lastSequence: number,
  afterSequence: number,
): AgentlaneError {
  return new AgentlaneError(
    "internal",
    "SEQUENCE_MISMATCH",
    `the log of task ${taskId} ends at ${lastSequence}, a write came after ${afterSequence}`,
  );
}

export function commitRefused(message: string): AgentlaneError {
  return new AgentlaneError("internal", "COMMIT_REFUSED", message);
}

export function taskMissing(): AgentlaneError {
  return new AgentlaneError("internal", "TASK_MISSING", "a submitted record has no task");
}
