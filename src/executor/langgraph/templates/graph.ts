/** Template `graph`: a graph of the user's own, from a module of their project. */
import type { JsonObject } from "@bufbuild/protobuf";
import { asGraph, type Graph, isBuilder } from "../graph.ts";
import type { ProjectModules } from "../project-modules.ts";

export interface ProjectGraph {
  graphFor(config: Record<string, unknown>): Promise<Graph>;
  readonly inputSchema: JsonObject | undefined;
}

/**
 * An export may be a compiled graph, a builder, or a function that makes one (async too). A function
 * without parameters is called once; one that takes the turn's config is called for each turn, as on
 * a LangGraph server.
 */
export async function loadProjectGraph(
  modules: ProjectModules,
  baseDir: string,
  reference: string,
): Promise<ProjectGraph> {
  const exported: unknown = await modules.load(baseDir, reference);
  const perTurn = typeof exported === "function" && exported.length > 0;
  const make = async (config: Record<string, unknown>): Promise<Graph> => {
    const value: unknown = typeof exported === "function" ? await exported(config) : exported;
    const graph = asGraph(isBuilder(value) ? value.compile() : value);
    if (graph) return graph;
    throw new Error(
      `${reference} must be a compiled graph, a StateGraph, an agent of createAgent, or a function that returns one; it is ${kindOf(value)}`,
    );
  };
  if (perTurn) {
    // Made once ahead of the first turn, so that mistakes and the input schema show.
    const sample = await make({ configurable: {} });
    return { graphFor: make, inputSchema: sample.inputSchema };
  }
  const graph = await make({ configurable: {} });
  return { graphFor: () => Promise.resolve(graph), inputSchema: graph.inputSchema };
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return `an object of class ${value.constructor?.name ?? "unknown"}`;
}
