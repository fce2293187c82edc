/** A client as the scenarios see it: JSON in, JSON out, whatever the library or program inside. */
import {
  type DescMethod,
  type DescService,
  fromBinary,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";

export interface InteropClient {
  readonly name: string;
  /** What it cannot do; scenarios that need it are left out. */
  readonly lacks: readonly ("streaming" | "deadline")[];
  /** Whether it speaks what the native path serves. */
  readonly binaryGrpc: boolean;
  /** `rpc`: `AgentService/Execute`. */
  call(rpc: string, request: JsonObject, options?: CallOptions): Promise<Outcome>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly timeoutMs?: number;
}

export interface Outcome {
  /** In Protobuf's JSON form, without defaults. */
  readonly replies: JsonValue[];
  /** Absent = OK. */
  readonly error?: OutcomeError;
}

export interface OutcomeError {
  /** A name of google.rpc.Code. */
  readonly code: string;
  readonly message: string;
  readonly reason?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly fields?: readonly string[];
  readonly retryDelayMs?: number;
}

const SERVICES: readonly DescService[] = [
  AgentService,
  TaskService,
  SessionService,
  OperationsService,
  Health,
];

export function methodOf(rpc: string): DescMethod {
  const [serviceName, methodName] = rpc.split("/");
  const service = SERVICES.find(({ name }) => name === serviceName);
  const method = service?.methods.find(({ name }) => name === methodName);
  if (!method) throw new Error(`no RPC ${rpc}`);
  return method;
}

/** `agentlane.v1.AgentService/Execute` */
export function fullName(rpc: string): string {
  const method = methodOf(rpc);
  return `${method.parent.typeName}/${method.name}`;
}

export interface WireDetail {
  /** With or without the prefix of an Any. */
  readonly type: string;
  readonly value: Uint8Array;
}

export function outcomeError(
  code: number,
  message: string,
  details: readonly WireDetail[],
): OutcomeError {
  const find = (typeName: string): Uint8Array | undefined =>
    details.find(({ type }) => type.split("/").at(-1) === typeName)?.value;
  const info = find(ErrorInfoSchema.typeName);
  const badRequest = find(BadRequestSchema.typeName);
  const retry = find(RetryInfoSchema.typeName);
  const { reason, metadata } = info ? fromBinary(ErrorInfoSchema, info) : {};
  const violations = badRequest && fromBinary(BadRequestSchema, badRequest).fieldViolations;
  const delay = retry && fromBinary(RetryInfoSchema, retry).retryDelay;
  return {
    code: Code[code] ?? String(code),
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(violations ? { fields: violations.map(({ field }) => field) } : {}),
    ...(delay ? { retryDelayMs: Number(delay.seconds) * 1000 + delay.nanos / 1e6 } : {}),
  };
}

/** From `grpc-status-details-bin`. */
export function statusDetails(bytes: Uint8Array): { message: string; details: WireDetail[] } {
  const { message, details } = fromBinary(StatusSchema, bytes);
  return { message, details: details.map(({ typeUrl, value }) => ({ type: typeUrl, value })) };
}

/** Connect's name of a code. */
export function codeByName(name: string): number {
  const upper = name === "canceled" ? "CANCELLED" : name.toUpperCase();
  const entry = Object.entries(Code).find(([key]) => key === upper);
  if (typeof entry?.[1] !== "number") throw new Error(`unknown code ${name}`);
  return entry[1];
}
