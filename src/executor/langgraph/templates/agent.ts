/** Templates `react` and `demo`: an agent of LangChain's createAgent, with a real or a scripted model. */
import "../environment.ts";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { ToolMessage } from "@langchain/core/messages";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { createAgent, createMiddleware } from "langchain";
import { messageOf } from "../errors.ts";
import { property } from "../json.ts";

export interface AgentGraphOptions {
  readonly name: string;
  readonly model: BaseChatModel;
  readonly tools: readonly StructuredToolInterface[];
  readonly systemPrompt: string | undefined;
}

export function createAgentGraph(options: AgentGraphOptions): unknown {
  return createAgent({
    model: options.model,
    tools: [...options.tools],
    ...(options.systemPrompt ? { systemPrompt: options.systemPrompt } : {}),
    middleware: [toolFailures],
  });
}

/**
 * A tool that fails tells the model so, and the model goes on; by default it would end the turn.
 * Pauses to ask, and aborts, pass through.
 */
const toolFailures = createMiddleware({
  name: "tool_failures",
  wrapToolCall: async (request, handler) => {
    try {
      return await handler(request);
    } catch (error) {
      if (property(error, "is_bubble_up") === true || request.runtime.signal?.aborted) throw error;
      return new ToolMessage({
        content: `error: ${messageOf(error)}`,
        tool_call_id: request.toolCall.id ?? "",
        name: request.toolCall.name,
        status: "error",
      });
    }
  },
});
