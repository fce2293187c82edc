/** A TCP proxy that fails on request: cuts connections, stalls them, or swallows the replies. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface TcpProxy {
  readonly port: number;
  /** Closes all connections; new ones work. */
  cut(): void;
  /** Nothing passes in either direction until `heal`. */
  stall(): void;
  /** Requests reach the server, their replies reach nobody until `heal`. */
  swallowReplies(): void;
  /** No new connections and none of the old ones, until `heal`. */
  refuse(): void;
  /** What was stalled goes on; what was swallowed is lost. */
  heal(): void;
  readonly connectionCount: number;
  stop(): Promise<void>;
}

type Mode = "pass" | "stall" | "swallow" | "refuse";

export async function startTcpProxy(targetPort: number, host = "127.0.0.1"): Promise<TcpProxy> {
  const pairs = new Set<readonly [client: Socket, server: Socket]>();
  let mode: Mode = "pass";

  const listener = createServer((client) => {
    if (mode === "refuse") {
      client.destroy();
      return;
    }
    const server = connect(targetPort, host);
    const pair = [client, server] as const;
    pairs.add(pair);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        pairs.delete(pair);
        client.destroy();
        server.destroy();
      });
    }
    client.on("data", (chunk) => void server.write(chunk));
    server.on("data", (chunk) => {
      if (mode !== "swallow") client.write(chunk);
    });
    if (mode === "stall") for (const socket of pair) socket.pause();
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();

  function cut(): void {
    for (const [client, server] of pairs) {
      client.destroy();
      server.destroy();
    }
  }

  return {
    port: typeof address === "object" && address ? address.port : 0,
    cut,
    stall() {
      mode = "stall";
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    swallowReplies() {
      mode = "swallow";
    },
    refuse() {
      mode = "refuse";
      cut();
    },
    heal() {
      mode = "pass";
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    get connectionCount() {
      return pairs.size;
    },
    async stop() {
      cut();
      listener.close();
      await once(listener, "close");
    },
  };
}
