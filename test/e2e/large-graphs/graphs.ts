import { writeFileSync } from "node:fs";
import { AIMessage } from "@langchain/core/messages";
import {
  END,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";

type Node = (state: object, config: LangGraphRunnableConfig) => Promise<string>;

function graph(run: Node) {
  return new StateGraph(MessagesAnnotation)
    .addNode("run", async (state, config: LangGraphRunnableConfig) => ({
      messages: [new AIMessage(await run(state, config))],
    }))
    .addEdge(START, "run")
    .addEdge("run", END)
    .compile();
}

/** Answers so many characters. */
export const answers = graph(async (_state, { configurable }) => "y".repeat(configurable?.size));

/** Writes progress of so many characters, so many times, and never waits. */
export const emits = graph(async (_state, { configurable, writer }) => {
  const text = "z".repeat(configurable?.size);
  for (let index = 0; index < configurable?.count; index++) writer?.({ index, text });
  return "emitted";
});

/** The first attempt that finds no marker file hangs; those after it answer. */
export const hangsOnce = graph(async (_state, { configurable, signal }) => {
  try {
    writeFileSync(configurable?.marker, "", { flag: "wx" });
  } catch {
    return "answered";
  }
  await new Promise((resolve) => signal?.addEventListener("abort", resolve, { once: true }));
  throw signal?.reason;
});
