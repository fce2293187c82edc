/** Graphs that bring their own model, at OPENAI_BASE_URL. */
import type { AIMessageChunk } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";

type State = typeof MessagesAnnotation.State;

function answering(node: (state: State) => Promise<typeof MessagesAnnotation.Update>) {
  return new StateGraph(MessagesAnnotation)
    .addNode("answer", node)
    .addEdge(START, "answer")
    .addEdge("answer", END)
    .compile();
}

const modelOf = (): ChatOpenAI => new ChatOpenAI({ model: "gpt-5-mini", maxRetries: 0 });

export const invoking = answering(async ({ messages }) => ({
  messages: [await modelOf().invoke(messages)],
}));

export const readingStream = answering(async ({ messages }) => {
  let whole: AIMessageChunk | undefined;
  for await (const piece of await modelOf().stream(messages)) {
    whole = whole ? whole.concat(piece) : piece;
  }
  return { messages: whole ? [whole] : [] };
});
