/** Graphs that behave as badly as graphs in the field do. */
import { AIMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";

type Node = (
  state: typeof MessagesAnnotation.State,
  config: { signal?: AbortSignal; writer?: (progress: unknown) => void },
) => Promise<{ messages: AIMessage[] }>;

function graph(node: Node) {
  return new StateGraph(MessagesAnnotation)
    .addNode("node", node)
    .addEdge(START, "node")
    .addEdge("node", END)
    .compile();
}

const answer = (text: string) => ({ messages: [new AIMessage(text)] });
const aborted = (signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));

export const good = graph(async () => answer("fine"));

export const throws = graph(async () => {
  throw new Error("the graph is broken");
});

/** Waits for its signal and then takes it as its end. */
export const hangs = graph(async (_state, { signal }) => {
  await aborted(signal);
  throw signal?.reason ?? new Error("no signal");
});

/** Holds the event loop for two seconds. */
export const blocks = graph(async () => {
  const until = performance.now() + 2000;
  while (performance.now() < until);
  return answer("unblocked");
});

/** Never ends, whatever its signal says. */
export const deaf = graph(() => new Promise(() => undefined));

/** Says that it runs; leaves a rejection behind that nobody handles. */
export const rejects = graph(async (_state, { signal, writer }) => {
  writer?.({ running: true });
  await aborted(signal);
  void Promise.reject(new Error("left behind after the abort"));
  throw new Error("aborted");
});

/** Answers, and leaves a timer behind that never ends. */
export const lingers = graph(async () => {
  setInterval(() => undefined, 1000);
  return answer("done");
});
