import { writeFileSync } from "node:fs";
import { AIMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";

interface Config {
  readonly configurable?: { readonly blockMs?: number; readonly marker?: string };
}

/**
 * Holds the event loop for `blockMs`, in whichever attempt is the first to create the marker file,
 * which then tells when that was.
 */
export const blocks = new StateGraph(MessagesAnnotation)
  .addNode("block", async (_state, { configurable }: Config) => {
    if (isFirst(configurable?.marker ?? "")) {
      const until = performance.now() + (configurable?.blockMs ?? 0);
      while (performance.now() < until);
    }
    return { messages: [new AIMessage("unblocked")] };
  })
  .addEdge(START, "block")
  .addEdge("block", END)
  .compile();

function isFirst(marker: string): boolean {
  try {
    writeFileSync(marker, String(Date.now()), { flag: "wx" });
    return true;
  } catch {
    return false;
  }
}
