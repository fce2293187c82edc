/** Graphs that fail in every way, with a secret in what they say. */
import { HumanMessage } from "@langchain/core/messages";
import { MessagesAnnotation, StateGraph } from "@langchain/langgraph";

const secret = (): string => process.env.CANARY_API_KEY ?? "";

type State = typeof MessagesAnnotation.State;

function graphOf(node: (state: State) => Promise<Partial<State>>) {
  return new StateGraph(MessagesAnnotation)
    .addNode("node", node)
    .addEdge("__start__", "node")
    .addEdge("node", "__end__")
    .compile();
}

/** Fails with the secret in the message, in a cause, and in a URL. */
export const failing = graphOf(async () => {
  const cause = new Error(`GET https://user:${secret()}@api.example.com failed`);
  throw Object.assign(new Error(`the key ${secret()} was refused`, { cause }), {
    config: { headers: { authorization: `Bearer ${secret()}` } },
  });
});

/** Leaves a rejection that nobody handles. */
export const stray = graphOf(async () => {
  void Promise.reject(new Error(`stray ${secret()}`));
  return { messages: [new HumanMessage("done")] };
});

/** Ends the process. */
export const crashing = graphOf(async () => {
  setTimeout(() => {
    throw new Error(`crash ${secret()}`);
  }, 1);
  return await new Promise<never>(() => undefined);
});
