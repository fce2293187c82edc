/** What a task produced, as OpenAI's `chat.completion`. */
import { toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { ExecuteResponse } from "../../../gen/agentlane/v1/agent_service_pb.js";
import {
  type Message,
  Role,
  type ToolCall,
  type Usage,
} from "../../../gen/agentlane/v1/content_pb.js";
import { type Interrupt, type TaskResult, TaskState } from "../../../gen/agentlane/v1/task_pb.js";

export interface Answer {
  readonly content: string;
  readonly reasoning: string;
  readonly finishReason: string;
  /** The questions that content asks; the session's next message answers them. */
  readonly interrupts: readonly Interrupt[];
  /** Those that the agent has run. */
  readonly toolCalls: readonly ToolCall[];
}

/** Between the texts of two messages that become one. */
export const PARAGRAPH = "\n\n";

export function answerOf(result: TaskResult | undefined): Answer {
  const last = result?.messages.findLast(({ role }) => role === Role.ASSISTANT);
  const interrupts = result?.interrupts ?? [];
  return {
    content: interrupts.length > 0 ? questions(interrupts) : contentOf(last, result),
    reasoning: last ? joined(last, "reasoning") : "",
    finishReason: finishReasonOf(result),
    interrupts,
    toolCalls: (result?.messages ?? []).flatMap(toolCallsOf),
  };
}

function toolCallsOf({ content }: Message): ToolCall[] {
  return content.flatMap(({ part }) => (part.case === "toolCall" ? [part.value] : []));
}

function questions(interrupts: readonly Interrupt[]): string {
  return interrupts
    .map(({ value }) =>
      value?.kind.case === "stringValue"
        ? value.kind.value
        : JSON.stringify(value ? toJson(ValueSchema, value) : null),
    )
    .join(PARAGRAPH);
}

/** An agent without messages answers with its state. */
function contentOf(last: Message | undefined, result: TaskResult | undefined): string {
  if (last) return joined(last, "text");
  return result?.state ? JSON.stringify(toJson(ValueSchema, result.state)) : "";
}

function joined(message: Message, kind: "text" | "reasoning"): string {
  return message.content
    .map(({ part }) => {
      if (part.case === kind) return part.value;
      const isData = kind === "text" && part.case === "json";
      return isData ? JSON.stringify(toJson(ValueSchema, part.value)) : "";
    })
    .join("");
}

/** Never "tool_calls": it would tell the client to run tools, and the agent has run its own. */
function finishReasonOf(result: TaskResult | undefined): string {
  const reason = result?.finishReason ?? "";
  return reason === "length" || reason === "content_filter" ? reason : "stop";
}

export function completionId(taskId: string): string {
  return `chatcmpl-${taskId}`;
}

/** `created` in Unix seconds. */
export function completionOf(reply: ExecuteResponse, model: string, created: number): object {
  const answer = answerOf(reply.result);
  const { content, reasoning, finishReason } = answer;
  const message = {
    role: "assistant",
    content,
    refusal: null,
    ...(reasoning ? { reasoning_content: reasoning } : {}),
  };
  return {
    id: completionId(reply.taskId),
    object: "chat.completion",
    created,
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason }],
    usage: usageOf(reply.result?.usage),
    ...extensionOf(answer),
  };
}

/**
 * Beyond OpenAI's protocol, whose clients let unknown fields pass: that the answer is a question,
 * and the tools that the agent has run, where no client takes them for a wish that it should.
 */
export function extensionOf({ interrupts, toolCalls }: Answer): object {
  if (interrupts.length === 0 && toolCalls.length === 0) return {};
  const asked = {
    state: TaskState[TaskState.INPUT_REQUIRED],
    interrupts: interrupts.map(({ id, value }) => ({
      id,
      value: value ? toJson(ValueSchema, value) : null,
    })),
  };
  const called = toolCalls.map(({ id, name, arguments: given }) => ({
    id,
    type: "function",
    function: { name, arguments: JSON.stringify(given ?? {}) },
  }));
  return {
    agentlane: {
      ...(interrupts.length > 0 ? asked : {}),
      ...(called.length > 0 ? { tool_calls: called } : {}),
    },
  };
}

/** Summed over all model calls of the turn; zeros when the provider reports none. */
export function usageOf(usage: Usage | undefined): object {
  return {
    prompt_tokens: usage?.inputTokens ?? 0,
    completion_tokens: usage?.outputTokens ?? 0,
    total_tokens: usage?.totalTokens ?? 0,
    prompt_tokens_details: { cached_tokens: usage?.cachedInputTokens ?? 0 },
    completion_tokens_details: { reasoning_tokens: usage?.reasoningTokens ?? 0 },
  };
}
