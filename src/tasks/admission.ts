/** From a client's request to a record that the store can accept; refuses what no agent could run. */
import { createHash } from "node:crypto";
import { create, toJson } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { type TaskRecord, TaskRecordSchema } from "../../gen/agentlane/store/v1/record_pb.js";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import type { ContentPart } from "../../gen/agentlane/v1/content_pb.js";
import {
  MultitaskStrategy,
  Priority,
  type RetryPolicy,
  TaskSchema,
} from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError, invalidField } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { Submission } from "../store/contract.ts";
import { messageBytes } from "../store/page-bytes.ts";
import { timestamp } from "../timestamp.ts";
import type { AgentPolicy } from "./agent-directory.ts";
import { canonicalJson, guardJson, guardValue } from "./json-guard.ts";
import { guardMessages } from "./message-guard.ts";
import type { Principal } from "./principal.ts";
import type { SubmitOptions, TaskInput } from "./task-manager.ts";
import { storeLimits, type TenantRule } from "./tenant-policy.ts";
import { guardDuration } from "./time-guard.ts";

export interface AdmissionLimits {
  /** Unfinished tasks a queue may hold (MAX_QUEUE_SIZE). */
  readonly maxQueueSize: number;
  /** Limit on an attempt where neither request nor agent has one (AGENT_EXECUTION_TIMEOUT). */
  readonly attemptTimeoutMs: number;
  /** How long an idempotency key is remembered. */
  readonly idempotencyMs: number;
}

/** Keys of `config.configurable` that belong to the executor. */
const RESERVED_CONFIGURABLE = new Set([
  "thread_id",
  "checkpoint_id",
  "checkpoint_ns",
  "checkpoint_map",
]);

export interface Admission {
  readonly taskId: string;
  readonly principal: Principal;
  readonly input: TaskInput;
  readonly options: SubmitOptions;
  readonly policy: AgentPolicy;
  readonly traceHeaders: Record<string, string>;
  readonly traceId: string;
  readonly nowMs: number;
  /** Of the caller's tenant; undefined = no limits. */
  readonly rule?: TenantRule | undefined;
}

/** Throws `invalid_argument` or `deadline_exceeded`; everything else about the task is decided here. */
export function admit(admission: Admission, limits: AdmissionLimits, newId: NewId): Submission {
  const { input, options } = admission;
  checkInput(input);
  if (options.deadlineInMs !== undefined && options.deadlineInMs <= 0) {
    throw new AgentlaneError(
      "deadline_exceeded",
      "DEADLINE_EXCEEDED",
      "the deadline had passed when the request arrived",
    );
  }
  const record = buildRecord(admission, limits, newId);
  const { rule } = admission;
  return {
    record,
    strategy: input.multitaskStrategy || MultitaskStrategy.ENQUEUE,
    deadlineInMs: options.deadlineInMs,
    maxQueueSize: limits.maxQueueSize,
    idempotencyMs: limits.idempotencyMs,
    quota: rule && { limits: storeLimits(rule), bytes: messageBytes(record.request) },
  };
}

function buildRecord(admission: Admission, limits: AdmissionLimits, newId: NewId): TaskRecord {
  const { taskId, principal, input, options, policy } = admission;
  const createdAt = timestamp(admission.nowMs);
  const request = create(ExecuteRequestSchema, {
    ...input,
    messages: input.messages.map((message) => ({
      ...message,
      id: message.id || newId(),
      createdAt,
    })),
  });
  const task = create(TaskSchema, {
    taskId,
    agentId: input.agentId,
    sessionId: input.sessionId,
    priority: input.priority || (options.streaming ? Priority.HIGH : Priority.NORMAL),
    queue: policy.queue,
    maxAttempts: input.maxAttempts || policy.maxAttempts,
    idempotencyKey: input.idempotencyKey,
    metadata: input.metadata,
    traceId: admission.traceId,
    streaming: options.streaming,
  });
  const retry = input.retryPolicy;
  return create(TaskRecordSchema, {
    tenant: principal.tenant,
    task,
    request,
    requestDigest: input.idempotencyKey === "" ? "" : digestOf(input),
    traceHeaders: admission.traceHeaders,
    timeoutMs: BigInt(toMs(input.timeout) ?? policy.timeoutMs ?? limits.attemptTimeoutMs),
    initialBackoffMs: BigInt(toMs(retry?.initialBackoff) ?? policy.backoff.initialMs),
    backoffMultiplier: retry?.multiplier || policy.backoff.multiplier,
    maxBackoffMs: BigInt(toMs(retry?.maxBackoff) ?? policy.backoff.maxMs),
  });
}

function checkInput(input: TaskInput): void {
  if (input.messages.length === 0 && !input.input && !input.resume) {
    throw invalidField("messages", "at least one of messages, input and resume is required");
  }
  guardMessages("messages", input.messages);
  input.messages.forEach(({ content }, index) => {
    if (!content.some(isFilled)) throw invalidField(`messages[${index}].content`, "is empty");
  });
  guardDuration("timeout", input.timeout);
  if (input.retryPolicy) checkRetryPolicy(input.retryPolicy);
  if (input.input) guardValue("input", input.input);
  if (input.resume) guardValue("resume", input.resume);
  if (input.configurable) {
    guardJson("configurable", input.configurable);
    for (const key of Object.keys(input.configurable)) {
      if (key.startsWith("__") || RESERVED_CONFIGURABLE.has(key)) {
        throw invalidField("configurable", `the key "${key}" is reserved`);
      }
    }
  }
}

function isFilled({ part }: ContentPart): boolean {
  return part.case !== "text" || part.value !== "";
}

function checkRetryPolicy({ initialBackoff, multiplier, maxBackoff }: RetryPolicy): void {
  guardDuration("retry_policy.initial_backoff", initialBackoff);
  guardDuration("retry_policy.max_backoff", maxBackoff);
  // Delays would shrink from attempt to attempt.
  if (multiplier !== 0 && !(multiplier >= 1)) {
    throw invalidField("retry_policy.multiplier", "must be at least 1, or 0 for the default");
  }
}

/** Equal for requests that differ only in the key, the order of map entries and ignored fields. */
function digestOf(input: TaskInput): string {
  const messages = input.messages.map(({ createdAt: _ignored, ...message }) => message);
  const request = create(ExecuteRequestSchema, { ...input, messages, idempotencyKey: "" });
  return createHash("sha256")
    .update(canonicalJson(toJson(ExecuteRequestSchema, request)))
    .digest("hex");
}

function toMs(duration: Duration | undefined): number | undefined {
  if (!duration) return undefined;
  return Number(duration.seconds) * 1000 + Math.ceil(duration.nanos / 1e6);
}
