/** From a definition to what its turns run on. Every failure names the key of the definition. */
import "./environment.ts";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { toJsonSchema } from "@langchain/core/utils/json_schema";
import type { z } from "zod";
import type { Clock } from "../../clock.ts";
import type { NewId } from "../../ids.ts";
import type { OutboundFetch } from "../../outbound-fetch.ts";
import type { AgentDefinition } from "../agent-definition.ts";
import { messageOf } from "./errors.ts";
import { asGraph, type Graph, isBuilder } from "./graph.ts";
import { toJsonObject } from "./json.ts";
import { loadModel } from "./model.ts";
import type { ProjectModules } from "./project-modules.ts";
import type { AgentRuntime, ToolFacts } from "./runtime.ts";
import { createAgentGraph } from "./templates/agent.ts";
import { createChatGraph } from "./templates/chat.ts";
import { createDemoGraph, demoOptions } from "./templates/demo.ts";
import { createEchoGraph, echoOptions } from "./templates/echo.ts";
import { loadProjectGraph } from "./templates/graph.ts";
import { DefinitionProblem, openToolbox } from "./toolbox.ts";

export interface RuntimeParts {
  readonly clock: Clock;
  readonly newId: NewId;
  readonly modules: ProjectModules;
  readonly outboundFetch: OutboundFetch;
  /** Called when a connection of the runtime breaks: the next turn needs a new runtime. */
  readonly onLost: () => void;
}

export interface OwnedRuntime extends AgentRuntime {
  /** Ends the connections that it owns; undefined when it has none. */
  readonly close: (() => Promise<void>) | undefined;
}

export async function buildRuntime(
  agent: AgentDefinition,
  parts: RuntimeParts,
): Promise<OwnedRuntime> {
  switch (agent.template) {
    case "echo":
      return {
        ...fixed(createEchoGraph(optionsOf(echoOptions, agent), parts), []),
        watched: false,
        checkpointed: false,
      };
    case "demo": {
      const { graph, tools } = createDemoGraph(agent.id, optionsOf(demoOptions, agent), parts);
      return fixed(graph, tools);
    }
    case "chat":
      return {
        ...fixed(createChatGraph(await modelOf(agent), agent.systemPrompt), []),
        checkpointed: false,
      };
    case "react":
      return await reactRuntime(agent, parts);
    case "graph":
      return await graphRuntime(agent, parts);
  }
}

async function reactRuntime(agent: AgentDefinition, parts: RuntimeParts): Promise<OwnedRuntime> {
  const model = await modelOf(agent);
  const toolbox = await openToolbox(agent, parts);
  const { tools, close } = toolbox;
  const { systemPrompt } = agent;
  return {
    ...fixed(createAgentGraph({ name: agent.id, model, tools, systemPrompt }), tools),
    close,
  };
}

async function graphRuntime(agent: AgentDefinition, parts: RuntimeParts): Promise<OwnedRuntime> {
  if (agent.graph === undefined) {
    throw new DefinitionProblem("graph", 'template graph needs it, e.g. "./src/agent.ts:graph"');
  }
  const reference = agent.graph;
  const source = await loadProjectGraph(parts.modules, agent.baseDir, reference).catch(
    (error: unknown) => {
      throw new DefinitionProblem("graph", messageOf(error), { cause: error });
    },
  );
  return {
    graphFor: source.graphFor,
    tools: [],
    inputSchema: source.inputSchema,
    watched: true,
    checkpointed: true,
    close: undefined,
  };
}

function fixed(value: unknown, tools: readonly StructuredToolInterface[]): OwnedRuntime {
  const graph = requireGraph(value);
  return {
    graphFor: () => Promise.resolve(graph),
    tools: tools.map(factsOf),
    inputSchema: undefined,
    watched: true,
    checkpointed: true,
    close: undefined,
  };
}

function requireGraph(value: unknown): Graph {
  const graph = asGraph(isBuilder(value) ? value.compile() : value);
  if (!graph) throw new TypeError("the template made no graph");
  return { ...graph, keepsState: false };
}

function factsOf(tool: StructuredToolInterface): ToolFacts {
  return {
    name: tool.name,
    description: tool.description,
    inputSchema: toJsonObject(toJsonSchema(tool.schema)),
  };
}

async function modelOf(agent: AgentDefinition): Promise<Awaited<ReturnType<typeof loadModel>>> {
  if (agent.model === undefined) {
    throw new DefinitionProblem(
      "model",
      `template ${agent.template} needs it, e.g. "openai:gpt-5-mini"`,
    );
  }
  try {
    return await loadModel(agent);
  } catch (error) {
    throw new DefinitionProblem("model", messageOf(error), { cause: error });
  }
}

function optionsOf<Schema extends z.ZodType>(
  schema: Schema,
  agent: AgentDefinition,
): z.output<Schema> {
  const parsed = schema.safeParse(agent.options);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = ["options", ...(issue?.path ?? [])].join(".");
  throw new DefinitionProblem(field, issue?.message ?? "is not valid");
}
