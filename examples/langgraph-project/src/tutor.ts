/** A factory that makes a graph for each turn's config. */
import { AIMessage } from "@langchain/core/messages";
import {
  END,
  LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { lastText } from "./state";

export async function makeGraph(config: LangGraphRunnableConfig) {
  const language = String(config.configurable?.language ?? "English");
  return new StateGraph(MessagesAnnotation)
    .addNode("teach", (state, { writer }) => {
      writer?.({ thinking: true });
      return { messages: [new AIMessage(`In ${language}: ${lastText(state.messages)}`)] };
    })
    .addEdge(START, "teach")
    .addEdge("teach", END)
    .compile();
}
