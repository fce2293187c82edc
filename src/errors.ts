/**
 * The one error class of the domain. It knows no transport: the server's table turns a kind into a
 * status code and the extras into google.rpc details.
 */

export type ErrorKind =
  | "invalid_argument"
  | "not_found"
  | "already_exists"
  | "failed_precondition"
  | "out_of_range"
  | "permission_denied"
  | "unauthenticated"
  | "resource_exhausted"
  | "unavailable"
  | "deadline_exceeded"
  | "canceled"
  | "lease_lost"
  | "data_loss"
  | "internal";

export interface FieldViolation {
  /** Path of the field in the request, e.g. `messages[0].role`. */
  field: string;
  /** What is wrong and what would be right. */
  description: string;
}

export interface QuotaViolation {
  tenant: string;
  /** Which limit, its value and what helps. */
  description: string;
}

export interface ErrorExtras {
  /** Whether trying again may succeed. Default: true for unavailable and resource_exhausted only. */
  retryable?: boolean;
  /** When trying again makes sense. */
  retryAfterMs?: number;
  fieldViolations?: FieldViolation[];
  /** The limit of a tenant that was reached. */
  quota?: QuotaViolation;
  /** For machines: ids and positions, e.g. task_id. Never secrets or content. */
  metadata?: Record<string, string>;
  /** Kept for logs, never shown to clients. */
  cause?: unknown;
}

export class AgentlaneError extends Error {
  override readonly name = "AgentlaneError";
  readonly kind: ErrorKind;
  /** Stable, UPPER_SNAKE_CASE. */
  readonly reason: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly fieldViolations: FieldViolation[];
  readonly metadata: Record<string, string>;
  readonly quota: QuotaViolation | undefined;

  constructor(kind: ErrorKind, reason: string, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.kind = kind;
    this.reason = reason;
    this.retryable = extras.retryable ?? (kind === "unavailable" || kind === "resource_exhausted");
    this.retryAfterMs = extras.retryAfterMs;
    this.fieldViolations = extras.fieldViolations ?? [];
    this.metadata = extras.metadata ?? {};
    this.quota = extras.quota;
  }
}

/** An INVALID_ARGUMENT about one field. */
export function invalidField(field: string, description: string): AgentlaneError {
  return new AgentlaneError("invalid_argument", "INVALID_FIELD", `${field}: ${description}`, {
    fieldViolations: [{ field, description }],
  });
}

export function leaseLost(taskId: string, fence: bigint): AgentlaneError {
  return new AgentlaneError(
    "lease_lost",
    "LEASE_LOST",
    `the lease of task ${taskId} with fence ${fence} is no longer valid`,
    { retryable: false, metadata: { task_id: taskId } },
  );
}

export function isKind(error: unknown, kind: ErrorKind): error is AgentlaneError {
  return error instanceof AgentlaneError && error.kind === kind;
}
