/** The peer of the streaming row: the graph alone, streamed in a loop in its own process. */
import { HumanMessage } from "@langchain/core/messages";
import { streaming } from "../graph.ts";
import { answerOrders } from "./load-loop.ts";

answerOrders(async () => {
  const input = { messages: [new HumanMessage("go")] };
  let tokens = 0;
  for await (const _token of await streaming.stream(input, { streamMode: "messages" })) tokens++;
  return tokens;
});
