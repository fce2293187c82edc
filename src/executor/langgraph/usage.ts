/** Token counts and the reason a model stopped, in the words of any provider. */
import { create } from "@bufbuild/protobuf";
import { type Usage, UsageSchema } from "../../../gen/agentlane/v1/content_pb.js";
import { isRecord, property } from "./json.ts";

/** LangChain's `usage_metadata`; undefined when the provider reported none. */
export function usageOf(message: object): Usage | undefined {
  const usage = property(message, "usage_metadata");
  if (!isRecord(usage)) return undefined;
  const input = isRecord(usage.input_token_details) ? usage.input_token_details : {};
  const output = isRecord(usage.output_token_details) ? usage.output_token_details : {};
  const inputTokens = count(usage.input_tokens);
  const outputTokens = count(usage.output_tokens);
  return create(UsageSchema, {
    inputTokens,
    outputTokens,
    totalTokens: count(usage.total_tokens) || inputTokens + outputTokens,
    cachedInputTokens: count(input.cache_read),
    reasoningTokens: count(output.reasoning),
  });
}

export function addUsage(total: Usage | undefined, more: Usage | undefined): Usage | undefined {
  if (!total || !more) return total ?? more;
  return create(UsageSchema, {
    inputTokens: total.inputTokens + more.inputTokens,
    outputTokens: total.outputTokens + more.outputTokens,
    totalTokens: total.totalTokens + more.totalTokens,
    cachedInputTokens: total.cachedInputTokens + more.cachedInputTokens,
    reasoningTokens: total.reasoningTokens + more.reasoningTokens,
  });
}

function count(value: unknown): number {
  return typeof value === "number" && value > 0 ? Math.min(Math.round(value), 0xffff_ffff) : 0;
}

/** OpenAI's word for the reason; a provider's own word where there is no such. */
export function finishReasonOf(message: object): string {
  const metadata = property(message, "response_metadata");
  const raw =
    property(metadata, "finish_reason") ??
    property(metadata, "stop_reason") ??
    property(metadata, "finishReason");
  const calls = property(message, "tool_calls");
  if (typeof raw === "string" && raw) return REASONS[raw] ?? raw;
  return Array.isArray(calls) && calls.length > 0 ? "tool_calls" : "stop";
}

const REASONS: Partial<Record<string, string>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  STOP: "stop",
  completed: "stop",
  tool_use: "tool_calls",
  function_call: "tool_calls",
  max_tokens: "length",
  MAX_TOKENS: "length",
  SAFETY: "content_filter",
  refusal: "content_filter",
};
