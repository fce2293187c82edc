/**
 * A model's stream as OpenAI's `chat.completion.chunk` events. Object literals: there is one per
 * token, and `create` of the Protobuf library walks the descriptors of four messages.
 */
import type {
  ChatCompletionChunk,
  ChatCompletionDelta,
  ChatCompletionToolCall,
} from "../../../gen/agentlane/v1/chunk_pb.js";
import type { Usage } from "../../../gen/agentlane/v1/content_pb.js";
import { isRecord } from "./json.ts";
import { reasoningText } from "./media.ts";

/** The chunks of one model message. */
export interface ChunkWriter {
  /** The id of the message they add up to. */
  readonly id: string;
  /** Undefined when there is nothing to add. */
  text(value: string): ChatCompletionChunk | undefined;
  /** What a LangChain message or message chunk adds; undefined when nothing. */
  message(message: object): ChatCompletionChunk | undefined;
  /** The last chunk. */
  finish(reason: string, usage: Usage | undefined): ChatCompletionChunk;
}

export interface ChunkHead {
  readonly id: string;
  /** The agent's id: that is the model as OpenAI clients of this server name it. */
  readonly model: string;
  readonly createdAtMs: number;
}

export function createChunkWriter(head: ChunkHead): ChunkWriter {
  const created = Math.floor(head.createdAtMs / 1000);
  let opened = false;
  const chunk = (delta: ChatCompletionDelta, finishReason?: string): ChatCompletionChunk => {
    if (!opened) delta.role = "assistant";
    opened = true;
    return {
      $typeName: "agentlane.v1.ChatCompletionChunk",
      id: head.id,
      object: "chat.completion.chunk",
      created,
      model: head.model,
      choices: [{ $typeName: "agentlane.v1.ChatCompletionChoice", index: 0, delta, finishReason }],
      systemFingerprint: "",
    };
  };
  return {
    id: head.id,
    text: (value) => (value === "" ? undefined : chunk(textDelta(value))),
    message(message) {
      const delta = deltaOf(message);
      return delta ? chunk(delta) : undefined;
    },
    finish(reason, usage) {
      const last = chunk(emptyDelta(), reason);
      if (usage) {
        last.usage = {
          $typeName: "agentlane.v1.ChatCompletionUsage",
          promptTokens: usage.inputTokens,
          completionTokens: usage.outputTokens,
          totalTokens: usage.totalTokens,
        };
      }
      return last;
    },
  };
}

function emptyDelta(): ChatCompletionDelta {
  return { $typeName: "agentlane.v1.ChatCompletionDelta", toolCalls: [] };
}

function textDelta(content: string): ChatCompletionDelta {
  return { $typeName: "agentlane.v1.ChatCompletionDelta", content, toolCalls: [] };
}

interface MessageFields {
  content?: unknown;
  tool_call_chunks?: unknown;
  tool_calls?: unknown;
  additional_kwargs?: unknown;
}

function deltaOf(message: object): ChatCompletionDelta | undefined {
  const fields: MessageFields = message;
  const kwargs = isRecord(fields.additional_kwargs) ? fields.additional_kwargs : {};
  let content = "";
  let reasoning = typeof kwargs.reasoning_content === "string" ? kwargs.reasoning_content : "";
  if (typeof fields.content === "string") content = fields.content;
  else if (Array.isArray(fields.content)) {
    for (const block of fields.content) {
      if (!isRecord(block)) continue;
      if (typeof block.text === "string") content += block.text;
      else if (block.type === "reasoning" || block.type === "thinking") {
        reasoning += reasoningText(block);
      }
    }
  }
  const toolCalls = toolCallsOf(fields);
  const refusal = typeof kwargs.refusal === "string" ? kwargs.refusal : "";
  if (!content && !reasoning && !refusal && toolCalls.length === 0) return undefined;
  const delta = content ? textDelta(content) : emptyDelta();
  if (reasoning) delta.reasoningContent = reasoning;
  if (refusal) delta.refusal = refusal;
  delta.toolCalls = toolCalls;
  return delta;
}

/** Pieces of a stream, or the whole calls of a message that came in one. */
function toolCallsOf(fields: MessageFields): ChatCompletionToolCall[] {
  const pieces = Array.isArray(fields.tool_call_chunks) ? fields.tool_call_chunks : undefined;
  const calls = pieces ?? (Array.isArray(fields.tool_calls) ? fields.tool_calls : []);
  return calls.flatMap((call: unknown, position): ChatCompletionToolCall[] => {
    if (!isRecord(call)) return [];
    const id = typeof call.id === "string" ? call.id : "";
    const name = typeof call.name === "string" ? call.name : "";
    const args = typeof call.args === "string" ? call.args : JSON.stringify(call.args ?? {});
    return [
      {
        $typeName: "agentlane.v1.ChatCompletionToolCall",
        index: typeof call.index === "number" ? call.index : position,
        id,
        type: id ? "function" : "",
        function: {
          $typeName: "agentlane.v1.ChatCompletionFunction",
          name,
          arguments: pieces && call.args === undefined ? "" : args,
        },
      },
    ];
  });
}
