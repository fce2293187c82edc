/**
 * A chat model that follows a script: no network, deterministic, and it streams tokens and tool calls
 * the way providers do. The demo agent's model; tests write scripts of their own.
 */
import "./environment.ts";
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import {
  AIMessage,
  AIMessageChunk,
  type BaseMessage,
  type ToolCallChunk,
  type UsageMetadata,
} from "@langchain/core/messages";

import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import type { Clock } from "../../clock.ts";

export interface Reply {
  readonly text?: string;
  readonly toolCalls?: readonly { readonly name: string; readonly args: Record<string, unknown> }[];
}

export interface ScriptedModelOptions {
  readonly name: string;
  readonly script: (messages: readonly BaseMessage[]) => Reply;
  readonly clock: Clock;
  /** Makes the ids of tool calls. */
  readonly newId: () => string;
  /** Pause before each token, in ms. Default 0. */
  readonly tokenDelayMs?: number;
}

type CallOptions = BaseChatModel["ParsedCallOptions"];

export class ScriptedChatModel extends BaseChatModel {
  readonly #options: ScriptedModelOptions;

  constructor(options: ScriptedModelOptions) {
    super({ maxRetries: 0 });
    this.#options = options;
  }

  override _llmType(): string {
    return "scripted";
  }

  override getLsParams(): { ls_provider: string; ls_model_name: string; ls_model_type: "chat" } {
    return { ls_provider: "agentlane", ls_model_name: this.#options.name, ls_model_type: "chat" };
  }

  /** The script knows the tools itself. */
  override bindTools(): this {
    return this;
  }

  override async _generate(messages: BaseMessage[], options: CallOptions): Promise<ChatResult> {
    let whole: ChatGenerationChunk | undefined;
    for await (const chunk of this._streamResponseChunks(messages, options)) {
      whole = whole ? whole.concat(chunk) : chunk;
    }
    const message = whole?.message;
    if (!(message instanceof AIMessageChunk)) throw new Error("the script gave no reply");
    const { content, tool_calls = [], response_metadata, usage_metadata } = message;
    const complete = Object.assign(new AIMessage({ content, tool_calls, response_metadata }), {
      usage_metadata,
    });
    return { generations: [{ text: message.text, message: complete }] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: CallOptions,
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const { clock, script, newId, tokenDelayMs = 0 } = this.#options;
    const reply = script(messages);
    let outputTokens = 0;
    const emit = async (fields: ChunkFields): Promise<ChatGenerationChunk> => {
      if (tokenDelayMs > 0) await clock.sleep(tokenDelayMs, options.signal);
      options.signal?.throwIfAborted();
      outputTokens += 1;
      const text = fields.content ?? "";
      const { usage_metadata, ...rest } = fields;
      const message = Object.assign(
        new AIMessageChunk({ ...rest, content: text }),
        usage_metadata && { usage_metadata },
      );
      const chunk = new ChatGenerationChunk({ text, message });
      await runManager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, {
        chunk,
      });
      return chunk;
    };
    for (const piece of reply.text?.match(/\s*\S+|\s+$/g) ?? [])
      yield await emit({ content: piece });
    for (const [index, call] of (reply.toolCalls ?? []).entries()) {
      const head = { index, id: newId(), name: call.name, args: "", type: TOOL_CALL_CHUNK };
      yield await emit({ tool_call_chunks: [head] });
      for (const args of JSON.stringify(call.args).match(/.{1,8}/gs) ?? []) {
        yield await emit({ tool_call_chunks: [{ index, args, type: TOOL_CALL_CHUNK }] });
      }
    }
    const inputTokens = Math.ceil(messages.reduce((sum, each) => sum + each.text.length, 0) / 4);
    yield await emit({
      response_metadata: { finish_reason: reply.toolCalls?.length ? "tool_calls" : "stop" },
      usage_metadata: {
        input_tokens: inputTokens,
        output_tokens: outputTokens,
        total_tokens: inputTokens + outputTokens,
      },
    });
  }
}

const TOOL_CALL_CHUNK = "tool_call_chunk" as const;

interface ChunkFields {
  content?: string;
  tool_call_chunks?: ToolCallChunk[];
  response_metadata?: Record<string, unknown>;
  usage_metadata?: UsageMetadata;
}
