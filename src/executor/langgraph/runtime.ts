/** What one agent definition becomes: built once, shared by all its turns. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Graph } from "./graph.ts";

export interface AgentRuntime {
  /** The graph of a turn: the shared one, or a fresh one of a factory that takes the turn's config. */
  graphFor(config: Record<string, unknown>): Promise<Graph>;
  readonly tools: readonly ToolFacts[];
  /** Of `input`; undefined when the agent takes messages only. */
  readonly inputSchema: JsonObject | undefined;
  /** Whether turns need callbacks: false for templates that neither call models nor tools. */
  readonly watched: boolean;
  /** Whether a turn may pause to ask, or keep state beyond its messages. */
  readonly checkpointed: boolean;
}

export interface ToolFacts {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonObject | undefined;
}
