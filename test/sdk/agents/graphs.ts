/** Agents that the scenarios need beside `echo` and `demo`. */
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import {
  Annotation,
  END,
  interrupt,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { systemClock } from "../../../src/clock.ts";
import { ScriptedChatModel } from "../../../src/executor/langgraph/scripted-model.ts";

type Messages = typeof MessagesAnnotation.State;

function say(text: string): { messages: BaseMessage[] } {
  return { messages: [new AIMessage(text)] };
}

/** Asks, and acts on the answer. */
export const asking = new StateGraph(MessagesAnnotation)
  .addNode("ask", () => {
    const answer: unknown = interrupt({ question: "May I?", options: ["yes", "no"] });
    return say(answer === "yes" ? "approved" : "refused");
  })
  .addEdge(START, "ask")
  .addEdge("ask", END)
  .compile();

const chatty = new ScriptedChatModel({
  name: "chatty",
  clock: systemClock,
  newId: () => "call",
  script: (messages) => ({ text: `you said: ${messages.at(-1)?.text}` }),
});

/** The tasks, by the `marker` of their request, that have stumbled already. */
const stumbled = new Set<string>();

/** Streams its whole answer and then fails, once for each `configurable.marker`. */
export const stumbling = new StateGraph(MessagesAnnotation)
  .addNode("answer", async (state: Messages, config: LangGraphRunnableConfig) => {
    const answer = await chatty.invoke(state.messages, config);
    const marker = String(config.configurable?.marker);
    if (stumbled.has(marker)) return { messages: [answer] };
    stumbled.add(marker);
    throw new Error("stumbled after its answer");
  })
  .addEdge(START, "answer")
  .addEdge("answer", END)
  .compile();

export const failing = new StateGraph(MessagesAnnotation)
  .addNode("fail", () => {
    throw new Error("this agent always fails");
  })
  .addEdge(START, "fail")
  .addEdge("fail", END)
  .compile();

const BrewingState = Annotation.Root({
  drink: Annotation<string>,
  cups: Annotation<number>,
  order: Annotation<string>,
});

/** State without messages. */
export const brewing = new StateGraph(BrewingState)
  .addNode("brew", ({ drink, cups }) => ({ order: `${cups} × ${drink}` }))
  .addEdge(START, "brew")
  .addEdge("brew", END)
  .compile();
