/** Values with defaults: what a test names is what matters to it. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Notice,
  NoticeSchema,
  type QueueMessage,
  QueueMessageSchema,
  type TaskRecord,
  TaskRecordSchema,
} from "../../gen/agentlane/store/v1/record_pb.js";
import type { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { type Message, MessageSchema, Role } from "../../gen/agentlane/v1/content_pb.js";
import { type Worker, WorkerSchema } from "../../gen/agentlane/v1/operations_service_pb.js";
import {
  type ExecutionContext,
  ExecutionContextSchema,
  type Instance,
  InstanceSchema,
} from "../../gen/agentlane/v1/session_pb.js";
import {
  MultitaskStrategy,
  Priority,
  type TaskError,
  TaskErrorSchema,
  type TaskEvent,
  TaskEventSchema,
  type TaskResult,
  TaskResultSchema,
  type TaskSchema,
} from "../../gen/agentlane/v1/task_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";
import type { NewId } from "../../src/ids.ts";
import { type Submission, sessionKey } from "../../src/store/contract.ts";
import type { TenantLimits } from "../../src/store/tenant-contract.ts";

export const TENANT = "default";
export const QUEUE = "agent.tasks";
export const AGENT = "echo";

/** Unique within the process and in the order of the calls. */
export const newTaskId: NewId = (() => {
  let count = 0;
  return () => `task-${String(++count).padStart(8, "0")}`;
})();

export interface SubmissionOverrides {
  readonly tenant?: string;
  readonly task?: MessageInitShape<typeof TaskSchema>;
  readonly request?: MessageInitShape<typeof ExecuteRequestSchema>;
  readonly traceHeaders?: Record<string, string>;
  readonly requestDigest?: string;
  readonly strategy?: MultitaskStrategy;
  readonly deadlineInMs?: number;
  readonly maxQueueSize?: number;
  readonly idempotencyMs?: number;
  /** Bytes default to 100. */
  readonly limits?: TenantLimits;
  readonly requestBytes?: number;
}

/** A task as the task manager submits it; of no session unless one is named. */
export function submission(overrides: SubmissionOverrides = {}): Submission {
  return {
    record: record(overrides),
    strategy: overrides.strategy ?? MultitaskStrategy.ENQUEUE,
    deadlineInMs: overrides.deadlineInMs,
    maxQueueSize: overrides.maxQueueSize ?? 10_000,
    idempotencyMs: overrides.idempotencyMs ?? 24 * 3600 * 1000,
    quota: overrides.limits && { limits: overrides.limits, bytes: overrides.requestBytes ?? 100 },
  };
}

export function record(overrides: SubmissionOverrides = {}): TaskRecord {
  const { tenant = TENANT, requestDigest = "", traceHeaders = {} } = overrides;
  const agentId = overrides.task?.agentId ?? AGENT;
  const sessionId = overrides.task?.sessionId ?? "";
  return create(TaskRecordSchema, {
    tenant,
    task: {
      taskId: newTaskId(),
      agentId,
      sessionId,
      priority: Priority.NORMAL,
      queue: QUEUE,
      maxAttempts: 3,
      ...overrides.task,
    },
    request: {
      agentId,
      sessionId,
      messages: [userMessage("hello")],
      ...overrides.request,
    },
    requestDigest,
    traceHeaders,
    timeoutMs: 300_000n,
    initialBackoffMs: 1000n,
    backoffMultiplier: 2,
    maxBackoffMs: 60_000n,
  });
}

export function userMessage(text: string): Message {
  return message(Role.USER, text);
}

export function assistantMessage(text: string): Message {
  return message(Role.ASSISTANT, text);
}

function message(role: Role, text: string): Message {
  return create(MessageSchema, { role, content: [{ part: { case: "text", value: text } }] });
}

/** An event that is recognizable by its text. */
export function messageEvent(text: string): TaskEvent {
  return create(TaskEventSchema, { kind: { case: "message", value: assistantMessage(text) } });
}

export function messageEvents(...texts: string[]): TaskEvent[] {
  return texts.map(messageEvent);
}

export function taskResult(text = "answer"): TaskResult {
  return create(TaskResultSchema, { messages: [assistantMessage(text)], finishReason: "stop" });
}

export function taskError(overrides: MessageInitShape<typeof TaskErrorSchema> = {}): TaskError {
  return create(TaskErrorSchema, {
    code: Code.INTERNAL,
    reason: "AGENT_ERROR",
    message: "the graph threw",
    retryable: true,
    ...overrides,
  });
}

export function executionContext(
  overrides: MessageInitShape<typeof ExecutionContextSchema> = {},
): ExecutionContext {
  return create(ExecutionContextSchema, {
    agentId: AGENT,
    sessionId: "s1",
    version: 1n,
    history: [userMessage("hello"), assistantMessage("hello")],
    ...overrides,
  });
}

export function queueMessage(
  overrides: MessageInitShape<typeof QueueMessageSchema> = {},
): QueueMessage {
  return create(QueueMessageSchema, {
    tenant: TENANT,
    taskId: newTaskId(),
    queue: QUEUE,
    priority: Priority.NORMAL,
    ...overrides,
  });
}

export function worker(overrides: MessageInitShape<typeof WorkerSchema> = {}): Worker {
  return create(WorkerSchema, { workerId: "worker-1", queues: [QUEUE], slots: 10, ...overrides });
}

export function instance(overrides: MessageInitShape<typeof InstanceSchema> = {}): Instance {
  const { agentId = AGENT, sessionId = "s1" } = overrides;
  return create(InstanceSchema, {
    sessionKey: sessionKey({ agentId, sessionId }),
    agentId,
    sessionId,
    workerId: "worker-1",
    ...overrides,
  });
}

/** A notice of consecutive log entries from a sequence on. */
export function entriesNotice(taskId: string, sequence: number, ...texts: string[]): Notice {
  const entries = texts.map((text, index) => {
    return { attempt: 1, sequence: sequence + index, event: messageEvent(text) };
  });
  const kind = { case: "entries" as const, value: { entries } };
  return create(NoticeSchema, { tenant: TENANT, taskId, kind });
}
