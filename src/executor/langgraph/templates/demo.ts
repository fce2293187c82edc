/** Template `demo`: a tool agent that needs no key and no network. */

import type { StructuredToolInterface } from "@langchain/core/tools";
import { z } from "zod";
import type { Clock } from "../../../clock.ts";
import type { NewId } from "../../../ids.ts";
import { ScriptedChatModel } from "../scripted-model.ts";
import { calculatorTool } from "../tools/calculator.ts";
import { clockTool } from "../tools/clock.ts";
import { demoTools } from "../tools/demo.ts";
import { createAgentGraph } from "./agent.ts";
import { demoScript } from "./demo-script.ts";

export const demoOptions = z.object({
  /** Pause before each token, in ms, so that streaming can be seen. */
  tokenDelayMs: z.number().min(0).max(10_000).default(15),
});

export function createDemoGraph(
  name: string,
  options: z.infer<typeof demoOptions>,
  parts: { clock: Clock; newId: NewId },
): { graph: unknown; tools: StructuredToolInterface[] } {
  const { clock, newId } = parts;
  const tools = [calculatorTool(), clockTool(clock), ...demoTools(clock)];
  const model = new ScriptedChatModel({
    name: "demo",
    script: demoScript,
    clock,
    newId,
    tokenDelayMs: options.tokenDelayMs,
  });
  return { graph: createAgentGraph({ name, model, tools, systemPrompt: undefined }), tools };
}
