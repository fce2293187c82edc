/** From the errors of the server to OpenAI's form of them. */
import type { OutgoingHttpHeaders } from "node:http";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.js";
import { WATCH_BROKEN, WATCH_ENDED } from "../../tasks/watch.ts";
import { CHALLENGE } from "../error-codes.ts";

/** `error` of a body, and of the last event of a stream that fails. */
export interface ErrorObject {
  readonly message: string;
  readonly type: string;
  /** Which parameter is wrong. */
  readonly param: string | null;
  /** Our reason in lower case: stable. */
  readonly code: string;
}

export interface ErrorReply {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly error: ErrorObject;
}

const STATUS_OF_CODE: Readonly<Record<Code, number>> = {
  [Code.Canceled]: 409,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 409,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

/** Where HTTP knows better than the code. */
const STATUS_OF_REASON: Readonly<Record<string, number>> = {
  MESSAGE_TOO_LARGE: 413,
  UNKNOWN_COMPRESSION: 415,
  BODY_TIMEOUT: 408,
  REPLY_TOO_LARGE: 500,
  OUTPUT_TOO_LARGE: 500,
};

/** What is wrong between an agent and its model provider is no fault of the caller's credentials. */
const AGENTS_OWN: ReadonlySet<Code> = new Set([
  Code.Unauthenticated,
  Code.PermissionDenied,
  Code.NotFound,
  Code.Unimplemented,
]);

/**
 * Nothing has begun, and later it may. A task that failed has had its attempts here, and one that
 * goes on elsewhere would run twice; a conflict stays one.
 */
const TEMPORARY: ReadonlySet<number> = new Set([408, 429, 503]);

/** The official clients wait no longer: they would repeat what is refused for hours, at once. */
const MAX_WAIT_MS = 60_000;

/** The contract's fields under the names that OpenAI gives them. */
const PARAMS: Readonly<Record<string, string>> = {
  agent_id: "model",
  session_id: "x-session-id",
  idempotency_key: "idempotency-key",
  // Of all settings only this one is more than a number or a text.
  configurable: "response_format",
};

const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
};

/** `isRepeatable`: the request has an idempotency key, so that a repeated one finds the same task. */
export function errorReply(wire: ConnectError, isRepeatable: boolean): ErrorReply {
  const info = wire.findDetails(ErrorInfoSchema)[0];
  const reason = info?.reason ?? Code[wire.code].toUpperCase();
  const taskId = info?.metadata.task_id;
  const status = statusOf(wire.code, reason, taskId !== undefined);
  const delay = wire.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const field = wire.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field;
  const goesOn = reason === WATCH_ENDED || reason === WATCH_BROKEN;
  const isWaitKnown = status !== 429 || (delay !== undefined && durationMs(delay) <= MAX_WAIT_MS);
  const isWorthRepeating =
    taskId === undefined ? TEMPORARY.has(status) && isWaitKnown : goesOn && isRepeatable;
  const isUnknownAgent = reason === "AGENT_NOT_FOUND";
  return {
    status,
    headers: {
      ...(taskId === undefined ? {} : { "x-request-id": taskId }),
      ...(status === 401 ? { "www-authenticate": CHALLENGE } : {}),
      ...(delay ? retryAfter(durationMs(delay)) : {}),
      ...(clientsRepeat(status) && !isWorthRepeating ? { "x-should-retry": "false" } : {}),
    },
    error: {
      message: wire.rawMessage,
      type: typeOf(status),
      param: isUnknownAgent ? "model" : paramOf(field),
      code: isUnknownAgent ? "model_not_found" : reason.toLowerCase(),
    },
  };
}

/** For what is refused before there is a call. */
export function refusal(
  status: number,
  code: string,
  message: string,
  headers: OutgoingHttpHeaders = {},
): ErrorReply {
  return { status, headers, error: { message, type: typeOf(status), param: null, code } };
}

function statusOf(code: Code, reason: string, isTasks: boolean): number {
  const status = STATUS_OF_REASON[reason] ?? STATUS_OF_CODE[code];
  return isTasks && AGENTS_OWN.has(code) ? 500 : status;
}

function typeOf(status: number): string {
  return TYPES[status] ?? (status < 500 ? "invalid_request_error" : "server_error");
}

function paramOf(field: string | undefined): string | null {
  return field === undefined ? null : (PARAMS[field] ?? field);
}

/** Both forms that the official clients read. */
function retryAfter(delayMs: number): OutgoingHttpHeaders {
  return {
    "retry-after": String(Math.ceil(delayMs / 1000)),
    "retry-after-ms": String(Math.ceil(delayMs)),
  };
}

/** The official clients do so by themselves, unless they are told not to. */
function clientsRepeat(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500;
}
