/** A TCP proxy that cuts connections at a given byte on their way to the client. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface CutPlan {
  /**
   * Bytes towards the client, over all connections, that pass before a cut; the rest of the chunk
   * that holds the last of them is lost. 0 = the client sees nothing.
   */
  readonly afterBytes: number;
  /** So many cuts, counted from zero bytes again each time; then everything passes. */
  readonly times: number;
  /** rst = "connection reset", fin = an orderly end in the middle of a message. */
  readonly how: "rst" | "fin";
}

export interface CuttingProxy {
  readonly port: number;
  /** Replaces the plan before. */
  plan(plan: CutPlan | undefined): void;
  /** Cuts of the plan that have not happened. */
  readonly cutsLeft: number;
  stop(): Promise<void>;
}

export async function startCuttingProxy(targetHost: string, targetPort: number) {
  const sockets = new Set<Socket>();
  let current: CutPlan | undefined;
  let cutsLeft = 0;
  let passed = 0;

  const listener = createServer((client) => {
    const server = connect(targetPort, targetHost);
    let isCut = false;
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => void sockets.delete(socket));
    }
    client.on("close", () => server.destroy());
    // What was cut ends in its own way.
    server.on("close", () => isCut || client.destroy());
    client.on("data", (chunk) => void server.write(chunk));
    server.on("data", (chunk: Buffer) => {
      if (isCut) return;
      if (!current || cutsLeft === 0) return void client.write(chunk);
      const left = current.afterBytes - passed;
      passed += chunk.length;
      if (chunk.length <= left) return void client.write(chunk);
      isCut = true;
      cutsLeft -= 1;
      passed = 0;
      server.destroy();
      const { how } = current;
      const cut = (): void => void (how === "rst" ? client.resetAndDestroy() : client.end());
      if (left > 0) client.write(chunk.subarray(0, left), cut);
      else cut();
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  const proxy: CuttingProxy = {
    port: typeof address === "object" && address ? address.port : 0,
    plan(plan) {
      current = plan;
      cutsLeft = plan?.times ?? 0;
      passed = 0;
    },
    get cutsLeft() {
      return cutsLeft;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
  return proxy;
}
