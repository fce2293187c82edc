/**
 * Spans of model and tool calls, by OpenTelemetry's GenAI conventions
 * (https://github.com/open-telemetry/semantic-conventions-genai): `chat {model}` and
 * `execute_tool {tool}`, children of the attempt's `invoke_agent`. Content is left out unless asked for.
 */
import "./environment.ts";
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { Serialized } from "@langchain/core/load/serializable";
import type { BaseMessage } from "@langchain/core/messages";
import type { LLMResult } from "@langchain/core/outputs";
import { type Context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Clock } from "../../clock.ts";
import * as names from "../../telemetry/names.ts";
import { property } from "./json.ts";
import { fromLangChain, toolText } from "./messages.ts";
import { errorTypeOf, modelNameOf } from "./model-name.ts";
import { isMessage, toolMessageOf } from "./node-output.ts";
import { toolNameOf } from "./tool-events.ts";
import { finishReasonOf, usageOf } from "./usage.ts";

export interface TracingParts {
  /** What was active when the turn began. */
  readonly parent: Context;
  readonly streaming: boolean;
  readonly captureContent: boolean;
  readonly clock: Clock;
}

/** Undefined when nobody records: a turn then pays nothing. */
export function createTracingCallbacks(parts: TracingParts): TracingCallbacks | undefined {
  const recording = trace.getSpan(parts.parent)?.isRecording() === true;
  return recording ? new TracingCallbacks(parts) : undefined;
}

interface OpenSpan {
  readonly span: Span;
  readonly startedAt: number;
  sawChunk: boolean;
}

export class TracingCallbacks extends BaseCallbackHandler {
  override readonly name = "agentlane_tracing";
  readonly #parts: TracingParts;
  readonly #open = new Map<string, OpenSpan>();

  constructor(parts: TracingParts) {
    super({ ignoreChain: true, ignoreRetriever: true, ignoreCustomEvent: true });
    this.awaitHandlers = true;
    this.#parts = parts;
  }

  override handleChatModelStart(
    _llm: Serialized,
    messages: BaseMessage[][],
    runId: string,
    _parentRunId?: string,
    extra?: Record<string, unknown>,
    _tags?: string[],
    metadata?: Record<string, unknown>,
  ): void {
    const { provider, model } = modelNameOf(extra, metadata);
    const span = this.#start(runId, model ? `chat ${model}` : "chat", SpanKind.CLIENT, {
      [names.ATTR_GEN_AI_OPERATION_NAME]: names.GEN_AI_OPERATION_CHAT,
      [names.ATTR_GEN_AI_PROVIDER_NAME]: provider,
      ...(model ? { [names.ATTR_GEN_AI_REQUEST_MODEL]: model } : {}),
      ...(this.#parts.streaming ? { [names.ATTR_GEN_AI_REQUEST_STREAM]: true } : {}),
    });
    if (!this.#parts.captureContent) return;
    span.setAttribute(names.ATTR_GEN_AI_INPUT_MESSAGES, contentOf(messages[0] ?? []));
  }

  override handleLLMNewToken(_token: string, _index: unknown, runId: string): void {
    const open = this.#open.get(runId);
    if (!open || open.sawChunk || !this.#parts.streaming) return;
    open.sawChunk = true;
    const seconds = (this.#parts.clock.monotonic() - open.startedAt) / 1000;
    open.span.setAttribute(names.ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, seconds);
  }

  override handleLLMEnd(output: LLMResult, runId: string): void {
    const span = this.#take(runId);
    if (!span) return;
    const message = property(output.generations[0]?.[0], "message");
    if (isMessage(message)) {
      span.setAttributes(responseAttributes(message));
      if (this.#parts.captureContent) {
        span.setAttribute(names.ATTR_GEN_AI_OUTPUT_MESSAGES, contentOf([message]));
      }
    }
    span.end();
  }

  override handleLLMError(error: unknown, runId: string): void {
    this.#fail(runId, error);
  }

  override handleToolStart(
    tool: Serialized,
    input: string,
    runId: string,
    _parentRunId?: string,
    _tags?: string[],
    _metadata?: Record<string, unknown>,
    runName?: string,
    toolCallId?: string,
  ): void {
    const name = toolNameOf(tool, runName);
    const span = this.#start(runId, `execute_tool ${name}`, SpanKind.INTERNAL, {
      [names.ATTR_GEN_AI_OPERATION_NAME]: names.GEN_AI_OPERATION_EXECUTE_TOOL,
      [names.ATTR_GEN_AI_TOOL_NAME]: name,
      [names.ATTR_GEN_AI_TOOL_TYPE]: names.GEN_AI_TOOL_TYPE_FUNCTION,
      ...(toolCallId ? { [names.ATTR_GEN_AI_TOOL_CALL_ID]: toolCallId } : {}),
    });
    if (this.#parts.captureContent) {
      span.setAttribute(names.ATTR_GEN_AI_TOOL_CALL_ARGUMENTS, input);
    }
  }

  override handleToolEnd(output: unknown, runId: string): void {
    const span = this.#take(runId);
    if (!span) return;
    const message = toolMessageOf(output);
    if (this.#parts.captureContent) {
      const text = toolText(message ? message.content : output);
      span.setAttribute(names.ATTR_GEN_AI_TOOL_CALL_RESULT, text);
    }
    if (message?.status === "error") {
      span.setAttribute(names.ATTR_ERROR_TYPE, "tool_error");
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }

  override handleToolError(error: unknown, runId: string): void {
    // A pause to ask is no failure.
    if (property(error, "is_bubble_up") === true) this.#take(runId)?.end();
    else this.#fail(runId, error);
  }

  /** Ends what an aborted turn has left open. */
  close(): void {
    for (const runId of [...this.#open.keys()]) {
      const span = this.#take(runId);
      span?.setAttribute(names.ATTR_ERROR_TYPE, "canceled");
      span?.end();
    }
  }

  #start(
    runId: string,
    name: string,
    kind: SpanKind,
    attributes: Record<string, string | boolean>,
  ): Span {
    const tracer = trace.getTracer(names.SCOPE_NAME);
    const span = tracer.startSpan(name, { kind, attributes }, this.#parts.parent);
    this.#open.set(runId, {
      span,
      startedAt: this.#parts.clock.monotonic(),
      sawChunk: false,
    });
    return span;
  }

  #take(runId: string): Span | undefined {
    const open = this.#open.get(runId);
    this.#open.delete(runId);
    return open?.span;
  }

  #fail(runId: string, error: unknown): void {
    const span = this.#take(runId);
    if (!span) return;
    span.setAttribute(names.ATTR_ERROR_TYPE, errorTypeOf(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }
}

function responseAttributes(message: BaseMessage): Record<string, string | number | string[]> {
  const usage = usageOf(message);
  const model = property(message.response_metadata, "model_name");
  return {
    [names.ATTR_GEN_AI_RESPONSE_FINISH_REASONS]: [finishReasonOf(message)],
    ...(message.id ? { [names.ATTR_GEN_AI_RESPONSE_ID]: message.id } : {}),
    ...(typeof model === "string" ? { [names.ATTR_GEN_AI_RESPONSE_MODEL]: model } : {}),
    ...(usage
      ? {
          [names.ATTR_GEN_AI_USAGE_INPUT_TOKENS]: usage.inputTokens,
          [names.ATTR_GEN_AI_USAGE_OUTPUT_TOKENS]: usage.outputTokens,
        }
      : {}),
    ...(usage?.cachedInputTokens
      ? { [names.ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS]: usage.cachedInputTokens }
      : {}),
    ...(usage?.reasoningTokens
      ? { [names.ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS]: usage.reasoningTokens }
      : {}),
  };
}

/** The convention's JSON form of messages. */
function contentOf(messages: readonly BaseMessage[]): string {
  return JSON.stringify(
    messages.map((message) => ({
      role: message.getType() === "ai" ? "assistant" : message.getType(),
      parts: fromLangChain(message, 0).content.map(({ part }) => {
        switch (part.case) {
          case "text":
          case "reasoning":
            return { type: part.case, content: part.value };
          case "toolCall":
            return {
              type: "tool_call",
              id: part.value.id,
              name: part.value.name,
              arguments: part.value.arguments ?? {},
            };
          case "toolResult":
            return {
              type: "tool_call_response",
              id: part.value.toolCallId,
              response: part.value.text,
            };
          default:
            return { type: part.case ?? "unknown" };
        }
      }),
    })),
  );
}
