/** From a client's request to a record that the store can accept; refuses what no agent could run. */
import { createHash } from "node:crypto";
import { create, toJson } from "@bufbuild/protobuf";
import { type Duration, ValueSchema } from "@bufbuild/protobuf/wkt";
import { type TaskRecord, TaskRecordSchema } from "../../gen/agentlane/store/v1/record_pb.js";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { type Message, Role } from "../../gen/agentlane/v1/content_pb.js";
import { MultitaskStrategy, Priority, TaskSchema } from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError, invalidField } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { Submission } from "../store/contract.ts";
import type { AgentPolicy } from "./agent-directory.ts";
import { canonicalJson, guardJson } from "./json-guard.ts";
import type { Principal, SubmitOptions, TaskInput } from "./task-manager.ts";

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
  return {
    record: buildRecord(admission, limits, newId),
    strategy: input.multitaskStrategy || MultitaskStrategy.ENQUEUE,
    deadlineInMs: options.deadlineInMs,
    maxQueueSize: limits.maxQueueSize,
    idempotencyMs: limits.idempotencyMs,
  };
}

function buildRecord(admission: Admission, limits: AdmissionLimits, newId: NewId): TaskRecord {
  const { taskId, principal, input, options, policy } = admission;
  const request = create(ExecuteRequestSchema, {
    ...input,
    messages: input.messages.map((message) =>
      message.id === "" ? { ...message, id: newId() } : message,
    ),
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
  const ids = new Set<string>();
  input.messages.forEach((message, index) => {
    checkMessage(`messages[${index}]`, message);
    if (message.id !== "" && ids.has(message.id)) {
      throw invalidField(`messages[${index}].id`, `"${message.id}" is used twice`);
    }
    ids.add(message.id);
  });
  if (input.input) guardJson("input", toJson(ValueSchema, input.input));
  if (input.resume) guardJson("resume", toJson(ValueSchema, input.resume));
  if (input.configurable) {
    guardJson("configurable", input.configurable);
    for (const key of Object.keys(input.configurable)) {
      if (key.startsWith("__") || RESERVED_CONFIGURABLE.has(key)) {
        throw invalidField("configurable", `the key "${key}" is reserved`);
      }
    }
  }
}

function checkMessage(field: string, message: Message): void {
  if (message.role === Role.SYSTEM) {
    throw invalidField(
      `${field}.role`,
      "ROLE_SYSTEM is not accepted: instructions come from the agent's definition",
    );
  }
  let hasContent = false;
  message.content.forEach(({ part }, index) => {
    const partField = `${field}.content[${index}]`;
    if (part.case === "toolCall") {
      if (message.role !== Role.ASSISTANT) {
        throw invalidField(partField, "tool_call belongs into a ROLE_ASSISTANT message");
      }
      guardJson(`${partField}.tool_call.arguments`, part.value.arguments ?? {});
    }
    if (part.case === "toolResult" && message.role !== Role.TOOL) {
      throw invalidField(partField, "tool_result belongs into a ROLE_TOOL message");
    }
    if (part.case === "json") guardJson(`${partField}.json`, toJson(ValueSchema, part.value));
    if (part.case !== "text" || part.value !== "") hasContent = true;
  });
  if (!hasContent) throw invalidField(`${field}.content`, "is empty");
}

/** Equal for requests that differ in the key and the order of map entries only. */
function digestOf(input: TaskInput): string {
  const request = create(ExecuteRequestSchema, { ...input, idempotencyKey: "" });
  return createHash("sha256")
    .update(canonicalJson(toJson(ExecuteRequestSchema, request)))
    .digest("hex");
}

function toMs(duration: Duration | undefined): number | undefined {
  if (!duration) return undefined;
  return Number(duration.seconds) * 1000 + Math.ceil(duration.nanos / 1e6);
}
