/** The tools of a definition: builtin ones, exports of the project's modules, and MCP servers. */
import "./environment.ts";
import type { StructuredToolInterface } from "@langchain/core/tools";
import type { Clock } from "../../clock.ts";
import type { OutboundFetch } from "../../outbound-fetch.ts";
import type { AgentDefinition } from "../agent-definition.ts";
import { messageOf } from "./errors.ts";
import { isRecord } from "./json.ts";
import type { McpConnection, McpParts, McpReference } from "./mcp-connection.ts";
import type { ProjectModules } from "./project-modules.ts";
import { calculatorTool } from "./tools/calculator.ts";
import { clockTool } from "./tools/clock.ts";

/** A problem with a key of the definition. */
export class DefinitionProblem extends Error {
  override readonly name = "DefinitionProblem";
  /** E.g. tools[1].module. */
  readonly field: string;
  /** Whether it may be gone the next time: a server that cannot be reached. */
  readonly transient: boolean;

  constructor(
    field: string,
    message: string,
    extras: { readonly cause?: unknown; readonly transient?: boolean } = {},
  ) {
    super(message, { cause: extras.cause });
    this.field = field;
    this.transient = extras.transient ?? false;
  }
}

export interface Toolbox {
  readonly tools: StructuredToolInterface[];
  /** Ends the connections to MCP servers; undefined when there are none. */
  readonly close: (() => Promise<void>) | undefined;
}

export interface ToolboxParts {
  readonly clock: Clock;
  readonly modules: ProjectModules;
  readonly outboundFetch: OutboundFetch;
  /** Called when an MCP server goes away by itself: the toolbox is of no use any more. */
  readonly onLost: () => void;
}

export async function openToolbox(agent: AgentDefinition, parts: ToolboxParts): Promise<Toolbox> {
  const connections: McpConnection[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(connections.map((connection) => connection.close()));
  };
  const builtin = builtinTools(parts.clock);
  const tools: StructuredToolInterface[] = [];
  try {
    for (const [index, reference] of agent.tools.entries()) {
      const key = `tools[${index}]`;
      if (reference.type === "builtin") tools.push(builtinTool(builtin, reference.name, key));
      else if (reference.type === "module") {
        tools.push(...(await moduleTools(agent.baseDir, reference.module, key, parts.modules)));
      } else {
        const { baseDir } = agent;
        const connection = await mcpConnection(reference, key, { ...parts, baseDir });
        connections.push(connection);
        tools.push(...connection.tools);
      }
    }
    assertUnique(tools);
    return { tools, close: connections.length > 0 ? close : undefined };
  } catch (error) {
    await close();
    throw error;
  }
}

function builtinTools(clock: Clock): Map<string, StructuredToolInterface> {
  const tools = [calculatorTool(), clockTool(clock)];
  return new Map(tools.map((tool) => [tool.name, tool]));
}

function builtinTool(
  builtin: ReadonlyMap<string, StructuredToolInterface>,
  name: string,
  key: string,
): StructuredToolInterface {
  const tool = builtin.get(name);
  if (tool) return tool;
  const known = [...builtin.keys()].join(", ");
  throw new DefinitionProblem(
    `${key}.name`,
    `there is no builtin tool "${name}"; there are: ${known}`,
  );
}

async function moduleTools(
  baseDir: string,
  reference: string,
  key: string,
  modules: ProjectModules,
): Promise<StructuredToolInterface[]> {
  const value = await modules.load(baseDir, reference).catch((error: unknown) => {
    throw new DefinitionProblem(`${key}.module`, messageOf(error), { cause: error });
  });
  const found: unknown[] = Array.isArray(value) ? value : [value];
  if (found.length > 0 && found.every(isTool)) return found;
  throw new DefinitionProblem(
    `${key}.module`,
    `${reference} must export a LangChain tool or an array of tools`,
  );
}

function isTool(value: unknown): value is StructuredToolInterface {
  return isRecord(value) && typeof value.name === "string" && typeof value.invoke === "function";
}

async function mcpConnection(
  reference: McpReference,
  key: string,
  parts: McpParts,
): Promise<McpConnection> {
  if ((reference.command === undefined) === (reference.url === undefined)) {
    throw new DefinitionProblem(key, "an MCP server needs either command or url");
  }
  try {
    // Its client and what that needs is a tenth of a server's start; most servers have no such tools.
    const { connectMcp } = await import("./mcp-connection.ts");
    return await connectMcp(reference, parts);
  } catch (error) {
    const message = `the MCP server cannot be used: ${messageOf(error)}`;
    throw new DefinitionProblem(key, message, { cause: error, transient: true });
  }
}

function assertUnique(tools: readonly StructuredToolInterface[]): void {
  const seen = new Set<string>();
  for (const { name } of tools) {
    if (seen.has(name)) throw new DefinitionProblem("tools", `two tools are named "${name}"`);
    seen.add(name);
  }
}
