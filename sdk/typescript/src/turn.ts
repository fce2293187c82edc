/** Turns as callers write them, and results as callers read them. */
import {
  create,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
  toJson,
} from "@bufbuild/protobuf";
import { durationFromMs, ValueSchema } from "@bufbuild/protobuf/wkt";
import { type ExecuteRequest, ExecuteRequestSchema } from "../gen/agentlane/v1/agent_service_pb.js";
import {
  type Message,
  type MessageSchema,
  Role,
  type Usage,
} from "../gen/agentlane/v1/content_pb.js";
import {
  type MultitaskStrategy,
  OnDisconnect,
  type Priority,
  type RetryPolicySchema,
  type TaskResult,
  type TaskState,
} from "../gen/agentlane/v1/task_pb.js";

/** Field by field in `agentlane.v1.ExecuteRequest`. At least one of text, messages, input, resume. */
export interface Turn {
  readonly agentId: string;
  /** Absent: a stateless turn. */
  readonly sessionId?: string | undefined;
  /** One message of the user, after `messages`. */
  readonly text?: string | undefined;
  readonly messages?: readonly MessageInitShape<typeof MessageSchema>[] | undefined;
  readonly input?: JsonValue | undefined;
  readonly resume?: JsonValue | undefined;
  readonly priority?: Priority | undefined;
  /** Absent: one is made, so that a call can be repeated. */
  readonly idempotencyKey?: string | undefined;
  /** Limit on one attempt; a call's deadlineMs limits the whole. */
  readonly attemptTimeoutMs?: number | undefined;
  readonly maxAttempts?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly multitaskStrategy?: MultitaskStrategy | undefined;
  readonly retryPolicy?: MessageInitShape<typeof RetryPolicySchema> | undefined;
  readonly configurable?: JsonObject | undefined;
}

export interface TurnResult {
  readonly taskId: string;
  readonly state: TaskState;
  /** Of the last message. */
  readonly text: string;
  /** Those that the turn added. */
  readonly messages: readonly Message[];
  /** What the graph asks; the session's next turn answers with `resume`. */
  readonly interrupts: readonly JsonValue[];
  /** The graph's final state, where it is more than messages. */
  readonly graphState: JsonValue | undefined;
  readonly usage: Usage | undefined;
  readonly finishReason: string;
  /** 0 for a stateless turn. */
  readonly sessionVersion: number;
}

/** Goes on without the connection, so that a repeated call finds the task. */
export function requestOf(turn: Turn): ExecuteRequest {
  const { text, messages = [], input, resume, attemptTimeoutMs, metadata, ...rest } = turn;
  const own = {
    role: Role.USER,
    content: [{ part: { case: "text" as const, value: text ?? "" } }],
  };
  return create(ExecuteRequestSchema, {
    ...definedOf(rest),
    messages: text === undefined ? [...messages] : [...messages, own],
    metadata: { ...metadata },
    idempotencyKey: turn.idempotencyKey || crypto.randomUUID(),
    onDisconnect: OnDisconnect.CONTINUE,
    ...(input !== undefined && { input: fromJson(ValueSchema, input) }),
    ...(resume !== undefined && { resume: fromJson(ValueSchema, resume) }),
    ...(attemptTimeoutMs !== undefined && { timeout: durationFromMs(attemptTimeoutMs) }),
  });
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function definedOf<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, item]) => item !== undefined),
  ) as Defined<T>;
}

export function resultOf(taskId: string, state: TaskState, result?: TaskResult): TurnResult {
  const messages = result?.messages ?? [];
  return {
    taskId,
    state,
    text: textOf(messages.at(-1)),
    messages,
    interrupts: (result?.interrupts ?? []).map(({ value }) =>
      value ? toJson(ValueSchema, value) : null,
    ),
    graphState: result?.state && toJson(ValueSchema, result.state),
    usage: result?.usage,
    finishReason: result?.finishReason ?? "",
    sessionVersion: Number(result?.sessionVersion ?? 0n),
  };
}

export function textOf(message: Message | undefined): string {
  const texts = message?.content.map(({ part }) => (part.case === "text" ? part.value : "")) ?? [];
  return texts.join("");
}
