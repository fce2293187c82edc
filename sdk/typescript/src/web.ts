/** "@agentlane/sdk" in browsers, and wherever there is `fetch`: gRPC-web. */
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { AgentlaneClient, type ClientOptions } from "./client.ts";

export * from "./api.ts";

export type ConnectOptions = ClientOptions;

/** `url`: where the server is reached, e.g. `location.origin`. */
export function connect(url: string, options: ConnectOptions = {}): AgentlaneClient {
  return new AgentlaneClient(createGrpcWebTransport({ baseUrl: url }), options);
}
