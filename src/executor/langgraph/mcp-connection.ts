/** A connection to an MCP server, over stdio or streamable HTTP. */
import "./environment.ts";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { loadMcpTools, MultiServerMCPClient } from "@langchain/mcp-adapters";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Clock } from "../../clock.ts";
import type { OutboundFetch } from "../../outbound-fetch.ts";
import { VERSION } from "../../version.ts";
import type { AgentDefinition } from "../agent-definition.ts";

export type McpReference = Extract<AgentDefinition["tools"][number], { type: "mcp" }>;

export interface McpConnection {
  readonly tools: StructuredToolInterface[];
  /** Ends the session and the process. Never rejects. */
  close(): Promise<void>;
}

export interface McpParts {
  readonly baseDir: string;
  readonly clock: Clock;
  readonly outboundFetch: OutboundFetch;
  /** Called when the server goes away by itself. */
  readonly onLost: () => void;
}

/** How long a server may take to say goodbye. */
const GOODBYE_MS = 2000;

export async function connectMcp(reference: McpReference, parts: McpParts): Promise<McpConnection> {
  const { url } = reference;
  return url === undefined
    ? await connectProcess(reference, parts)
    : await connectHttp(reference, new URL(url), parts);
}

async function connectProcess(reference: McpReference, parts: McpParts): Promise<McpConnection> {
  const { name, command = "", args = [], env } = reference;
  // The adapter's own restart is off: it also restarts a server that is being closed.
  const client = new MultiServerMCPClient({
    mcpServers: {
      [name]: { transport: "stdio", command, args, cwd: parts.baseDir, ...(env ? { env } : {}) },
    },
  });
  let closing = false;
  const close = async (): Promise<void> => {
    closing = true;
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
    await close();
    throw error;
  }
}

async function connectHttp(
  { name, headers }: McpReference,
  url: URL,
  parts: McpParts,
): Promise<McpConnection> {
  const transport = new StreamableHTTPClientTransport(url, {
    fetch: parts.outboundFetch(url),
    ...(headers ? { requestInit: { headers } } : {}),
  });
  const client = new Client({ name: "agentlane", version: VERSION });
  let closing = false;
  const close = async (): Promise<void> => {
    closing = true;
    // The SDK's close leaves the session open until it times out there; a server that is gone has none.
    const goodbye = transport.terminateSession().catch(() => undefined);
    await Promise.race([goodbye, parts.clock.sleep(GOODBYE_MS)]);
    await client.close().catch(() => undefined);
  };
  try {
    await client.connect(transport);
    const tools = await loadMcpTools(name, client, { throwOnLoadError: true });
    client.onclose = () => {
      if (!closing) parts.onLost();
    };
    return { tools, close };
  } catch (error) {
    await client.close().catch(() => undefined);
    throw error;
  }
}
