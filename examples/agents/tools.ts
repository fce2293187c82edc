/** A tool of one's own, named in agentlane.json as "./tools.ts:wordCount". */
import { tool } from "@langchain/core/tools";
import { z } from "zod";

export const wordCount = tool(({ text }) => String(text.split(/\s+/).filter(Boolean).length), {
  name: "word_count",
  description: "Counts the words of a text",
  schema: z.object({ text: z.string() }),
});
