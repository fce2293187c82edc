/** A connection to an MCP server, over stdio or streamable HTTP. */
import "./environment.ts";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import type { Clock } from "../../clock.ts";
import type { AgentDefinition } from "../agent-definition.ts";
import { property } from "./json.ts";

export type McpReference = Extract<AgentDefinition["tools"][number], { type: "mcp" }>;

export interface McpConnection {
  readonly tools: StructuredToolInterface[];
  /** Ends the session and the process. Never rejects. */
  close(): Promise<void>;
}

/** How long a server may take to say goodbye. */
const GOODBYE_MS = 2000;

/** `onLost` is called when the server goes away by itself. */
export async function connectMcp(
  reference: McpReference,
  parts: { baseDir: string; clock: Clock; onLost: () => void },
): Promise<McpConnection> {
  const { name } = reference;
  // The adapter's own restart is off: it also restarts a server that is being closed.
  const client = new MultiServerMCPClient({
    mcpServers: { [name]: connectionOf(reference, parts.baseDir) },
  });
  let closing = false;
  const close = async (): Promise<void> => {
    closing = true;
    const goodbye = endSession(await client.getClient(name).catch(() => undefined));
    await Promise.race([goodbye, parts.clock.sleep(GOODBYE_MS)]);
    await client.close().catch(() => undefined);
  };
  try {
    const tools = await client.getTools();
    const session = await client.getClient(name);
    if (session) {
      session.onclose = () => {
        if (!closing) parts.onLost();
      };
    }
    return { tools, close };
  } catch (error) {
    await client.close().catch(() => undefined);
    throw error;
  }
}

function connectionOf(reference: McpReference, baseDir: string) {
  const { command, args = [], env, url = "", headers } = reference;
  if (command !== undefined) {
    return { transport: "stdio" as const, command, args, cwd: baseDir, ...(env ? { env } : {}) };
  }
  return {
    transport: "http" as const,
    url,
    automaticSSEFallback: false,
    ...(headers ? { headers } : {}),
  };
}

/** The SDK's close leaves the session of a streamable HTTP server open until it times out there. */
async function endSession(client: unknown): Promise<void> {
  const transport = property(client, "transport");
  const terminate = property(transport, "terminateSession");
  if (typeof terminate !== "function") return;
  try {
    await terminate.call(transport);
  } catch {
    // A server that is gone has no session any more.
  }
}
