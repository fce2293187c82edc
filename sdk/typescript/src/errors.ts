/** What the server refused, or why a task failed, with the google.rpc details decoded. */
import { durationMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import type { TaskError } from "../gen/agentlane/v1/task_pb.js";
import { Code } from "../gen/google/rpc/code_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb.js";

/** A name of google.rpc.Code: "NOT_FOUND", "CANCELLED", … */
export type CodeName = keyof typeof Code;

export interface FieldViolation {
  /** Path in the request, e.g. `messages[0].role`. */
  readonly field: string;
  readonly description: string;
}

interface ErrorFields {
  readonly code: CodeName;
  readonly reason?: string | undefined;
  readonly taskId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly fieldViolations?: readonly FieldViolation[];
  readonly retryable?: boolean | undefined;
  readonly cause?: unknown;
}

export class AgentlaneError extends Error {
  override readonly name = "AgentlaneError";
  readonly code: CodeName;
  /** Stable, UPPER_SNAKE_CASE: ErrorInfo.reason; the code's name where there is none. */
  readonly reason: string;
  /** The task that the call was about, once there is one. */
  readonly taskId: string | undefined;
  /** When trying again makes sense, if the server says so. */
  readonly retryAfterMs: number | undefined;
  readonly fieldViolations: readonly FieldViolation[];
  /** Whether the same turn may succeed when it is submitted anew. */
  readonly retryable: boolean;

  constructor(message: string, fields: ErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = fields.code;
    this.reason = fields.reason || fields.code;
    this.taskId = fields.taskId;
    this.retryAfterMs = fields.retryAfterMs;
    this.fieldViolations = fields.fieldViolations ?? [];
    this.retryable = fields.retryable ?? (fields.code === "UNAVAILABLE" || !!fields.retryAfterMs);
  }

  /** Of anything that a transport throws. Only this server's errors have an ErrorInfo. */
  static from(cause: unknown): AgentlaneError {
    if (cause instanceof AgentlaneError) return cause;
    const error = ConnectError.from(cause);
    const [info] = error.findDetails(ErrorInfoSchema);
    const [retry] = error.findDetails(RetryInfoSchema);
    const [badRequest] = error.findDetails(BadRequestSchema);
    const code = nameOf(error.code);
    return new AgentlaneError(error.rawMessage, {
      code: !info && BROKEN.has(code) ? "UNAVAILABLE" : code,
      reason: info?.reason,
      taskId: info?.metadata.task_id,
      retryAfterMs: retry?.retryDelay && durationMs(retry.retryDelay),
      fieldViolations: badRequest?.fieldViolations ?? [],
      cause,
    });
  }

  /** Why a task ended as FAILED or CANCELED. */
  static ofTask(taskId: string, error: TaskError | undefined): AgentlaneError {
    return new AgentlaneError(error?.message || "the task failed without saying why", {
      code: nameOf(error?.code),
      reason: error?.reason || "TASK_FAILED",
      taskId,
      retryable: error?.retryable,
      fieldViolations: Object.entries(error?.fieldViolations ?? {}).map(([field, description]) => ({
        field,
        description,
      })),
    });
  }

  /**
   * Whether the same call may be sent again. A task's own failure may not: the task has ended. An
   * UNAVAILABLE with a task's id and this reason is a server that stops; the task goes on.
   */
  get mayResend(): boolean {
    if (this.taskId !== undefined && this.reason !== "WATCH_ENDED") return false;
    if (this.code === "RESOURCE_EXHAUSTED") return this.retryAfterMs !== undefined;
    return this.code === "UNAVAILABLE";
  }
}

/** What transports make of a broken connection, when the server has not said anything. */
const BROKEN: ReadonlySet<CodeName> = new Set([
  "CANCELLED",
  "UNKNOWN",
  "ABORTED",
  "INTERNAL",
  "UNAVAILABLE",
]);

function nameOf(code: number | undefined): CodeName {
  const found = Object.entries(Code).find(([, value]) => value === code && value !== Code.OK);
  return (found?.[0] ?? "UNKNOWN") as CodeName;
}
