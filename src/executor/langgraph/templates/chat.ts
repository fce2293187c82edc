/** Template `chat`: one model, one system prompt, the conversation. */
import "../environment.ts";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { SystemMessage } from "@langchain/core/messages";
import {
  END,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";

export function createChatGraph(model: BaseChatModel, systemPrompt: string | undefined): unknown {
  const system = systemPrompt ? [new SystemMessage(systemPrompt)] : [];
  const chat = async (
    state: typeof MessagesAnnotation.State,
    config: LangGraphRunnableConfig,
  ): Promise<typeof MessagesAnnotation.Update> => ({
    messages: [await model.invoke([...system, ...state.messages], config)],
  });
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", chat)
    .addEdge(START, "chat")
    .addEdge("chat", END)
    .compile();
}
