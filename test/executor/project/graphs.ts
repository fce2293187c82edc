/** Graphs of a user's project, one for each way to be good or bad. */

import { AIMessage, type BaseMessage, HumanMessage, RemoveMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import {
  Annotation,
  Command,
  END,
  interrupt,
  type LangGraphRunnableConfig,
  MemorySaver,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { createAgent, humanInTheLoopMiddleware } from "langchain";
import { z } from "zod";
import { systemClock } from "../../../src/clock.ts";
import { ScriptedChatModel } from "../../../src/executor/langgraph/scripted-model.ts";

type Messages = typeof MessagesAnnotation.State;

function say(text: string): { messages: BaseMessage[] } {
  return { messages: [new AIMessage(text)] };
}

function oneNode(
  node: (state: Messages, config: LangGraphRunnableConfig) => unknown,
): StateGraph<typeof MessagesAnnotation.spec, Messages, object, string> {
  return new StateGraph(MessagesAnnotation)
    .addNode("answer", (state: Messages, config: LangGraphRunnableConfig) => {
      return node(state, config) as typeof MessagesAnnotation.Update;
    })
    .addEdge(START, "answer")
    .addEdge("answer", END);
}

export const compiled = oneNode(() => say("compiled")).compile();
export const builder = oneNode(() => say("builder"));
export const factory = () => oneNode(() => say("factory")).compile();
export const asyncFactory = async () => oneNode(() => say("async factory"));
export const configFactory = async (config: LangGraphRunnableConfig) =>
  oneNode(() => say(`for ${config.configurable?.user}`)).compile();
export const notAGraph = { hello: "world" };

export const failing = oneNode(() => {
  throw new Error("the node is broken");
}).compile();

export const deaf = oneNode(() => new Promise(() => undefined)).compile();

export const recursive = new StateGraph(MessagesAnnotation)
  .addNode("loop", () => ({}))
  .addEdge(START, "loop")
  .addEdge("loop", "loop")
  .compile();

export const asking = oneNode(() => {
  const answer: unknown = interrupt({ question: "May I?" });
  return say(answer === true ? "approved" : "refused");
}).compile();

/** Two nodes that ask at the same time. */
export const askingTwice = new StateGraph(MessagesAnnotation)
  .addNode("first", () => say(`first ${interrupt("first?")}`))
  .addNode("second", () => say(`second ${interrupt("second?")}`))
  .addEdge(START, "first")
  .addEdge(START, "second")
  .addEdge("first", END)
  .addEdge("second", END)
  .compile();

/** Stops at a breakpoint that asks nothing. */
const CountingState = Annotation.Root({
  ...MessagesAnnotation.spec,
  visits: Annotation<number>({ reducer: (a, b) => a + b, default: () => 0 }),
  answer: Annotation<string>(),
});

/** State beyond messages, and a question behind it. */
export const countingAsker = new StateGraph(CountingState)
  .addNode("count", () => ({ visits: 1 }))
  .addNode("ask", (state) => {
    const answer = state.messages.at(-1)?.text === "ask" ? interrupt("sure?") : "unasked";
    return { answer: String(answer), ...say(`visit ${state.visits}: ${String(answer)}`) };
  })
  .addEdge(START, "count")
  .addEdge("count", "ask")
  .addEdge("ask", END)
  .compile();

/** Puts the answer into the conversation itself, or rewrites the conversation. */
export const quotingAsker = oneNode(() => {
  const answer = String(interrupt("name?"));
  return { messages: [new HumanMessage(answer), new AIMessage(`hello, ${answer}`)] };
}).compile();

export const rewritingAsker = oneNode(({ messages }) => {
  const answer = String(interrupt("name?"));
  const [first] = messages;
  const removed = first?.id ? [new RemoveMessage({ id: first.id })] : [];
  return { messages: [...removed, new AIMessage(`hello, ${answer}`)] };
}).compile();

export const insisting = oneNode(() => {
  const first = String(interrupt("first?"));
  return say(`${first} ${String(interrupt("second?"))}`);
}).compile();

export const breakpoint = new StateGraph(MessagesAnnotation)
  .addNode("before", () => say("before"))
  .addNode("after", () => say("after"))
  .addEdge(START, "before")
  .addEdge("before", "after")
  .addEdge("after", END)
  .compile({ interruptBefore: ["after"] });

/** Asks inside a subgraph, after a message was written. */
export const askingInside = new StateGraph(MessagesAnnotation)
  .addNode("opening", () => say("let me see"))
  .addNode("inner", asking)
  .addEdge(START, "opening")
  .addEdge("opening", "inner")
  .addEdge("inner", END)
  .compile();

/** State without messages. */
const JokeState = Annotation.Root({
  topic: Annotation<string>,
  joke: Annotation<string>,
  count: Annotation<number>({ reducer: (a, b) => a + b, default: () => 0 }),
});
export const joke = new StateGraph(JokeState)
  .addNode("write", (state: typeof JokeState.State) => ({
    joke: `a joke about ${state.topic}`,
    count: 1,
  }))
  .addEdge(START, "write")
  .addEdge("write", END)
  .compile();

/** Messages and further state that outlives the turn. */
const CounterState = Annotation.Root({
  ...MessagesAnnotation.spec,
  turns: Annotation<number>({ reducer: (a, b) => a + b, default: () => 0 }),
});
export const counter = new StateGraph(CounterState)
  .addNode("count", (state: typeof CounterState.State) => ({
    turns: 1,
    ...say(`turn ${state.turns + 1}, ${state.messages.length} messages`),
  }))
  .addEdge(START, "count")
  .addEdge("count", END)
  .compile();

/** Compiled with a saver of its own, as projects do for local runs. */
export const remembering = new StateGraph(MessagesAnnotation)
  .addNode("answer", (state: Messages) => say(`${state.messages.length} messages`))
  .addEdge(START, "answer")
  .addEdge("answer", END)
  .compile({ checkpointer: new MemorySaver() });

/** Replaces the history by a summary. */
export const summarizing = new StateGraph(MessagesAnnotation)
  .addNode("summarize", (state: Messages) => ({
    messages: [
      ...state.messages.map((message) => new RemoveMessage({ id: message.id ?? "" })),
      new HumanMessage({ id: "summary", content: `summary of ${state.messages.length}` }),
      new AIMessage({ id: `answer-${state.messages.length}`, content: "done" }),
    ],
  }))
  .addEdge(START, "summarize")
  .addEdge("summarize", END)
  .compile();

/** Answers through a Command, in parallel branches, with progress. */
export const commanding = new StateGraph(MessagesAnnotation)
  .addNode(
    "route",
    (_state: Messages, config: LangGraphRunnableConfig) => {
      config.writer?.({ step: "routing" });
      return new Command({
        update: say("routed"),
        goto: [new Send("branch", { n: 1 }), new Send("branch", { n: 2 })],
      });
    },
    { ends: ["branch"] },
  )
  .addNode("branch", (state: object) => say(`branch ${"n" in state ? state.n : "?"}`))
  .addEdge(START, "route")
  .addEdge("branch", END)
  .compile();

/** Writes progress without ever waiting. */
export const flooding = oneNode((_state, config) => {
  for (let count = 0; count < 100_000; count++) config.writer?.({ count });
  return say("never");
}).compile();

/** Keeps what it is given, through a question. */
const KeepingState = Annotation.Root({ ...MessagesAnnotation.spec, data: Annotation<unknown> });
export const keeping = new StateGraph(KeepingState)
  .addNode("ask", () => say(`${interrupt("keep?")}`))
  .addEdge(START, "ask")
  .addEdge("ask", END)
  .compile();

/** Hears no signal: goes on when the test lets it, and calls a tool then. */
export const stubborn = {
  started: Promise.withResolvers<void>(),
  release: Promise.withResolvers<void>(),
  finished: Promise.withResolvers<unknown>(),
  toolCallCount: 0,
};
const effect = tool(
  () => {
    stubborn.toolCallCount += 1;
    return "done";
  },
  { name: "effect", description: "Has an effect", schema: z.object({}) },
);
export const stubbornGraph = oneNode(async (_state, config) => {
  const deafConfig = { ...config, signal: new AbortController().signal };
  stubborn.started.resolve();
  await stubborn.release.promise;
  config.writer?.({ still: "here" });
  await effect.invoke({}, deafConfig).then(stubborn.finished.resolve, stubborn.finished.resolve);
  return say("too late");
}).compile();

/** Rejects a while after the abort, several times. */
export const rejecting = oneNode(async (_state, config) => {
  const late = async (turns: number): Promise<never> => {
    await new Promise((resolve) => config.signal?.addEventListener("abort", resolve));
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    throw new Error(`late ${turns}`);
  };
  await Promise.all([late(1), late(2), late(3)]);
}).compile();

/** An agent of createAgent that asks before it calls its tool. */
const pay = tool(({ amount }: { amount: number }) => `paid ${amount}`, {
  name: "pay",
  description: "Pays",
  schema: z.object({ amount: z.number() }),
});
export const careful = createAgent({
  model: new ScriptedChatModel({
    name: "careful",
    clock: systemClock,
    newId: () => "call-1",
    script: (messages) =>
      messages.at(-1)?.getType() === "tool"
        ? { text: `done: ${messages.at(-1)?.text}` }
        : { toolCalls: [{ name: "pay", args: { amount: 5 } }] },
  }),
  tools: [pay],
  // @ts-expect-error LangChain's types take no options here under exactOptionalPropertyTypes.
  middleware: [humanInTheLoopMiddleware({ interruptOn: { pay: true } })],
});
