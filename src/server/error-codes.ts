/** From the domain's errors to statuses of the wire with google.rpc details. */
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { TaskError } from "../../gen/agentlane/v1/task_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { AgentlaneError, type FieldViolation, type QuotaViolation } from "../errors.ts";
import { CODE_OF_KIND } from "../tasks/task-error.ts";

/** `domain` of every google.rpc.ErrorInfo. */
const DOMAIN = "agentlane";

/** How to authenticate over HTTP. It names no part of what was wrong. */
export const CHALLENGE = 'Bearer realm="agentlane"';
/** RFC 9110, section 11.6.1; over gRPC it is one more piece of metadata. */
const CHALLENGED = { headers: { "www-authenticate": CHALLENGE } };

/** Told to clients that may try again, when the error itself names no delay. */
const DEFAULT_RETRY_AFTER_MS = 1000;

/** Trailers have to fit into the header limit of any client (8 KiB is the smallest default). */
const MAX_MESSAGE_CHARS = 1024;
const MAX_FIELD_VIOLATIONS = 16;
const MAX_DESCRIPTION_CHARS = 256;

interface Detail {
  desc: DescMessage;
  value: MessageInitShape<DescMessage>;
}

interface WireStatus {
  readonly code: Code;
  readonly reason: string;
  readonly message: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly fieldViolations?: readonly FieldViolation[];
  readonly retryAfterMs?: number | undefined;
  readonly quota?: QuotaViolation | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** False for a refusal that would repeat itself. Default: by the code. */
  readonly mayRetry?: boolean;
}

/** An error of the server's own, in the form that the table gives to the domain's. */
export function wireError(status: WireStatus): ConnectError {
  const details: Detail[] = [];
  const violations = status.fieldViolations ?? [];
  if (violations.length > 0) details.push(badRequest(violations));
  const temporary = status.code === Code.ResourceExhausted || status.code === Code.Unavailable;
  const mayRetry = status.mayRetry ?? temporary;
  const retryAfterMs = status.retryAfterMs ?? (mayRetry ? DEFAULT_RETRY_AFTER_MS : undefined);
  if (retryAfterMs !== undefined) {
    details.push(detail(RetryInfoSchema, { retryDelay: durationFromMs(Math.ceil(retryAfterMs)) }));
  }
  if (status.quota) details.push(quotaFailure(status.quota));
  const { reason, metadata = {} } = status;
  details.push(detail(ErrorInfoSchema, { reason, domain: DOMAIN, metadata: { ...metadata } }));
  const message = clipped(status.message, MAX_MESSAGE_CHARS);
  return withoutStack(() => new ConnectError(message, status.code, status.headers, details));
}

/** It goes to a client, which is not told where it was made; finding that out is most of what it costs. */
function withoutStack<T>(make: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/**
 * Any error as the client gets it. What is neither the domain's nor the server's own tells clients
 * nothing; it goes to `report`.
 */
export function toWireError(error: unknown, report: (error: unknown) => void): ConnectError {
  if (error instanceof ConnectError) return error;
  if (!(error instanceof AgentlaneError)) {
    report(error);
    return wireError({ code: Code.Internal, reason: "INTERNAL", message: "internal error" });
  }
  if (error.kind === "internal") report(error);
  const code = codeOf(CODE_OF_KIND[error.kind]);
  return wireError({ ...pick(error), code, ...(code === Code.Unauthenticated && CHALLENGED) });
}

/** Why a task ended, as the status of the call that waited for it. */
export function taskFailure(taskId: string, error: TaskError | undefined): ConnectError {
  return wireError({
    code: codeOf(error?.code),
    reason: error?.reason || "TASK_FAILED",
    message: error?.message || "the task failed without saying why",
    metadata: { task_id: taskId },
    fieldViolations: Object.entries(error?.fieldViolations ?? {}).map(([field, description]) => ({
      field,
      description,
    })),
  });
}

/** The numbers of google.rpc.Code are those of Connect's Code; 0 and unknown ones are no failures. */
function codeOf(code: number | undefined): Code {
  return code !== undefined && code in Code ? code : Code.Internal;
}

/** No or bad credentials. */
export function unauthenticated(): ConnectError {
  return wireError({
    code: Code.Unauthenticated,
    reason: "UNAUTHENTICATED",
    message: "valid credentials are required",
    ...CHALLENGED,
  });
}

function pick(error: AgentlaneError): Omit<WireStatus, "code"> {
  const { reason, message, metadata, fieldViolations, retryAfterMs, quota, retryable } = error;
  const mayRetry = retryable ? {} : { mayRetry: false };
  return { reason, message, metadata, fieldViolations, retryAfterMs, quota, ...mayRetry };
}

function badRequest(violations: readonly FieldViolation[]): Detail {
  const fieldViolations = violations.slice(0, MAX_FIELD_VIOLATIONS).map((violation) => ({
    field: clipped(violation.field, MAX_DESCRIPTION_CHARS),
    description: clipped(violation.description, MAX_DESCRIPTION_CHARS),
  }));
  return detail(BadRequestSchema, { fieldViolations });
}

function quotaFailure({ tenant, description }: QuotaViolation): Detail {
  const violation = {
    subject: `tenant:${tenant}`,
    description: clipped(description, MAX_DESCRIPTION_CHARS),
  };
  return detail(QuotaFailureSchema, { violations: [violation] });
}

function detail<D extends DescMessage>(desc: D, value: MessageInitShape<D>): Detail {
  return { desc, value };
}

function clipped(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`;
}
