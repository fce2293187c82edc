/**
 * A LangGraph graph as this executor sees it. Recognized by shape: a project brings its own copy of
 * LangGraph, whose classes are not ours.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { inputSchemaOf } from "./input-schema.ts";
import { isRecord, property } from "./json.ts";

export interface Graph {
  invoke(input: unknown, config: Record<string, unknown>): Promise<unknown>;
  /** Names of the nodes that a paused graph would run next. */
  nextNodes(config: Record<string, unknown>): Promise<string[]>;
  /** Whether its state has a messages channel. */
  readonly takesMessages: boolean;
  /** Whether state beyond messages outlives a turn, as it does on a LangGraph server. */
  readonly keepsState: boolean;
  /** Whether run-time values are wanted as `context` (LangGraph 1) besides `configurable`. */
  readonly takesContext: boolean;
  /** Undefined when the graph takes messages only or does not say. */
  readonly inputSchema: JsonObject | undefined;
}

export interface Pregel {
  invoke(input: unknown, config: Record<string, unknown>): Promise<unknown>;
  readonly channels: Record<string, unknown>;
}

export interface Builder {
  compile(): unknown;
}

export function isPregel(value: unknown): value is Pregel {
  return isRecord(value) && typeof value.invoke === "function" && isRecord(value.channels);
}

export function isBuilder(value: unknown): value is Builder {
  return isRecord(value) && typeof value.compile === "function" && "nodes" in value;
}

/** A compiled graph, or an agent of createAgent, which carries one. */
export function asGraph(value: unknown): Graph | undefined {
  const inner = property(value, "graph");
  const pregel = isPregel(value) ? value : isPregel(inner) ? inner : undefined;
  if (!pregel) return undefined;
  // An agent's own invoke prepares the state of its middleware.
  const runner = !isPregel(value) && isInvocable(value) ? value : pregel;
  const stateKeys = stateKeysOf(pregel);
  const takesMessages = "messages" in pregel.channels || isFunctional(pregel);
  return {
    invoke: (input, config) => runner.invoke(input, config),
    nextNodes: (config) => nextNodesOf(pregel, config),
    takesMessages,
    keepsState:
      isRecord(property(pregel, "checkpointer")) || stateKeys.some((key) => key !== "messages"),
    takesContext:
      property(pregel, "_contextRuntimeSchema") !== undefined || hasContextSchema(pregel),
    inputSchema: inputSchemaOf(pregel, stateKeys),
  };
}

function isInvocable(value: unknown): value is Pick<Pregel, "invoke"> {
  return isRecord(value) && typeof value.invoke === "function";
}

/** An entrypoint() of the functional API: one input, one output, no named state. */
function isFunctional(pregel: Pregel): boolean {
  return "__previous__" in pregel.channels;
}

function hasContextSchema(pregel: Pregel): boolean {
  return property(property(pregel, "builder"), "_configRuntimeSchema") !== undefined;
}

/** Channels that are state: neither LangGraph's own nor such as last for one step. */
function stateKeysOf(pregel: Pregel): string[] {
  if (isFunctional(pregel)) return ["__previous__"];
  return Object.entries(pregel.channels)
    .filter(([name, channel]) => !/^(__|branch:|join:)/.test(name) && !isTransient(channel))
    .map(([name]) => name);
}

function isTransient(channel: unknown): boolean {
  const kind = property(channel, "lc_graph_name");
  return kind === "EphemeralValue" || kind === "UntrackedValue" || kind === undefined;
}

async function nextNodesOf(pregel: Pregel, config: Record<string, unknown>): Promise<string[]> {
  const getState = property(pregel, "getState");
  if (typeof getState !== "function") return [];
  const state: unknown = await getState.call(pregel, config);
  const next = property(state, "next");
  return Array.isArray(next) ? next.map(String) : [];
}
