/** A real MCP server with a few tools, over stdio when it is run, over streamable HTTP when started. */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

function createMcpServer(): McpServer {
  const server = new McpServer({ name: "fake", version: "1.0.0" });
  server.registerTool(
    "shout",
    { description: "Says it louder", inputSchema: { text: z.string() } },
    ({ text }) => ({ content: [{ type: "text", text: `${text.toUpperCase()}!` }] }),
  );
  server.registerTool(
    "environment",
    { description: "Tells a variable of the environment", inputSchema: { name: z.string() } },
    ({ name }) => ({ content: [{ type: "text", text: process.env[name] ?? "not set" }] }),
  );
  server.registerTool("fail", { description: "Fails", inputSchema: {} }, () => ({
    isError: true,
    content: [{ type: "text", text: "the server says no" }],
  }));
  server.registerTool(
    "hang",
    { description: "Never answers", inputSchema: {} },
    () => new Promise<never>(() => undefined),
  );
  return server;
}

export interface HttpMcpServer {
  readonly url: string;
  /** Sessions that clients have opened and not closed. */
  readonly openSessions: ReadonlySet<string>;
  /** Values of the header x-test of all requests. */
  readonly headers: ReadonlySet<string>;
  close(): Promise<void>;
}

export async function startHttpMcpServer(): Promise<HttpMcpServer> {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const openSessions = new Set<string>();
  const headers = new Set<string>();

  async function openSession(): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => {
        transports.set(id, transport);
        openSessions.add(id);
      },
      onsessionclosed: (id) => void openSessions.delete(id),
    });
    await createMcpServer().connect(transport);
    return transport;
  }

  const server = createServer((request, response) => {
    headers.add(String(request.headers["x-test"]));
    const known = transports.get(String(request.headers["mcp-session-id"]));
    const handled = (known ? Promise.resolve(known) : openSession()).then((transport) =>
      transport.handleRequest(request, response),
    );
    handled.catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    openSessions,
    headers,
    async close() {
      await Promise.all([...transports.values()].map((transport) => transport.close()));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await createMcpServer().connect(new StdioServerTransport());
}
