/** A compiled graph with a tool, without a model: it runs with no key and no network. */
import { AIMessage, isAIMessage } from "@langchain/core/messages";
import { RunnableConfig } from "@langchain/core/runnables";
import { END, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { lastText, Mood, Support, SupportState } from "./state.js";
import { lookUpOrder } from "./tools.js";

const SHOP = process.env.SHOP_NAME ?? "the shop";

async function decide(state: Support, config: RunnableConfig): Promise<typeof SupportState.Update> {
  const text = lastText(state.messages);
  const order = /\d{4}/.exec(text)?.[0];
  if (state.messages.at(-1)?.getType() === "tool") {
    const greeting = `${config.configurable?.customer ?? "Dear customer"}, `;
    return { messages: [new AIMessage(`${greeting}${text}. Yours, ${SHOP}`)] };
  }
  const mood = /!/.test(text) ? Mood.Upset : Mood.Calm;
  if (!order) {
    return {
      mood,
      turns: 1,
      // A plain object is as good as a message class.
      messages: [{ role: "assistant", content: "Which order?" }],
    };
  }
  const call = { id: `call-${state.turns + 1}`, name: lookUpOrder.name, args: { id: order } };
  return { mood, turns: 1, messages: [new AIMessage({ content: "", tool_calls: [call] })] };
}

function route(state: Support): "tools" | typeof END {
  const last = state.messages.at(-1);
  return last && isAIMessage(last) && last.tool_calls?.length ? "tools" : END;
}

export const graph = new StateGraph(SupportState)
  .addNode("decide", decide)
  .addNode("tools", new ToolNode([lookUpOrder]))
  .addEdge(START, "decide")
  .addConditionalEdges("decide", route)
  .addEdge("tools", "decide")
  .compile();

graph.name = "Support";
