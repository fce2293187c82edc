/** "@agentlane/sdk" on Node: gRPC by Connect. */
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { AgentlaneClient, type ClientOptions } from "./client.ts";
import { traceHeaders } from "./trace-context.ts";

export * from "./api.ts";

export interface TlsOptions {
  /** PEM of the authorities to trust. Default: those of Node. */
  readonly ca?: string | Buffer;
  /** PEM of the client's certificate and its key, where the server asks for one. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

export interface ConnectOptions extends ClientOptions {
  readonly tls?: TlsOptions;
}

/** While calls are open: a network that dies silently is noticed, and a stream goes on elsewhere. */
const KEEPALIVE = { pingIntervalMs: 30_000, pingTimeoutMs: 10_000 };

/** `url`: `http://host:port` (cleartext) or `https://…`. Connects with the first call. */
export function connect(url: string, options: ConnectOptions = {}): AgentlaneClient {
  const sessionManager = new Http2SessionManager(url, KEEPALIVE, options.tls);
  const transport = createGrpcTransport({ baseUrl: url, sessionManager });
  return new AgentlaneClient(transport, options, () => sessionManager.abort(), traceHeaders);
}
