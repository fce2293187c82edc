/** What a failure looks like in a task's record. */
import { create } from "@bufbuild/protobuf";
import { type TaskError, TaskErrorSchema } from "../../gen/agentlane/v1/task_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";
import { AgentlaneError, type ErrorKind } from "../errors.ts";

/** The one table from kinds to codes; the numbers are gRPC's. */
export const CODE_OF_KIND: Readonly<Record<ErrorKind, Code>> = {
  invalid_argument: Code.INVALID_ARGUMENT,
  not_found: Code.NOT_FOUND,
  already_exists: Code.ALREADY_EXISTS,
  failed_precondition: Code.FAILED_PRECONDITION,
  out_of_range: Code.OUT_OF_RANGE,
  permission_denied: Code.PERMISSION_DENIED,
  unauthenticated: Code.UNAUTHENTICATED,
  resource_exhausted: Code.RESOURCE_EXHAUSTED,
  unavailable: Code.UNAVAILABLE,
  deadline_exceeded: Code.DEADLINE_EXCEEDED,
  canceled: Code.CANCELLED,
  lease_lost: Code.ABORTED,
  data_loss: Code.DATA_LOSS,
  internal: Code.INTERNAL,
};

const MAX_CAUSES = 8;
const MAX_MESSAGE_CHARS = 4096;
const MAX_FIELD_VIOLATIONS = 16;

/** Anything thrown becomes an AgentlaneError; a stranger is an internal, retryable failure of the agent. */
export function asAgentlaneError(error: unknown): AgentlaneError {
  if (error instanceof AgentlaneError) return error;
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new AgentlaneError("internal", "AGENT_ERROR", message, { retryable: true, cause: error });
}

export function toTaskError(error: AgentlaneError): TaskError {
  return create(TaskErrorSchema, {
    code: CODE_OF_KIND[error.kind],
    reason: error.reason,
    message: clip(error.message),
    retryable: error.retryable,
    causes: causesOf(error),
    fieldViolations: Object.fromEntries(
      error.fieldViolations
        .slice(0, MAX_FIELD_VIOLATIONS)
        .map(({ field, description }) => [field, clip(description)]),
    ),
  });
}

function causesOf(error: Error): string[] {
  const causes: string[] = [];
  let cause: unknown = error.cause;
  while (cause instanceof Error && causes.length < MAX_CAUSES) {
    causes.push(clip(`${cause.name}: ${cause.message}`));
    cause = cause.cause;
  }
  return causes;
}

function clip(text: string): string {
  return text.length <= MAX_MESSAGE_CHARS ? text : `${text.slice(0, MAX_MESSAGE_CHARS)}…`;
}
