/** A builder that is not compiled, whose state is not messages, and which asks a person. */
import { END, interrupt, START, StateGraph } from "@langchain/langgraph";
import { z } from "zod";

const State = z.object({
  topic: z.string().describe("What to write about"),
  draft: z.string().optional(),
  published: z.boolean().default(false),
});

class Draft {
  constructor(
    private readonly topic: string,
    private readonly length = 2,
  ) {}

  toString(): string {
    return Array.from({ length: this.length }, () => `All about ${this.topic}.`).join(" ");
  }
}

export const builder = new StateGraph(State)
  .addNode("write", ({ topic }) => ({ draft: new Draft(topic).toString() }))
  .addNode("publish", ({ draft }) => ({ published: interrupt({ publish: draft }) === true }))
  .addEdge(START, "write")
  .addEdge("write", "publish")
  .addEdge("publish", END);
