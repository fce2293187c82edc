/** What the cases of one column run against: a server of their own agents, and proxies to it. */
import { fileURLToPath } from "node:url";
import { serve } from "../harness/process.ts";
import { type CuttingProxy, startCuttingProxy } from "./cutting-proxy.ts";
import { createServerView, type ServerView } from "./server-view.ts";

const AGENTS = fileURLToPath(new URL("agents/agentlane.json", import.meta.url));

export interface Installation {
  readonly view: ServerView;
  startProxy(): Promise<CuttingProxy>;
  /** Fails when the server did not drain. */
  stop(): Promise<void>;
}

export async function startInstallation(): Promise<Installation> {
  const server = await serve(["--agents", AGENTS], { LOG_LEVEL: "warn" });
  const { hostname, port } = new URL(`http://${server.address}`);
  const view = createServerView(`http://${server.address}`);
  const proxies: CuttingProxy[] = [];
  return {
    view,
    async startProxy() {
      const proxy = await startCuttingProxy(hostname, Number(port));
      proxies.push(proxy);
      return proxy;
    },
    async stop() {
      view.close();
      for (const proxy of proxies) await proxy.stop();
      server.kill("SIGTERM");
      const code = await server.exited;
      if (code !== 0) throw new Error(`the server ended with ${code}`);
    },
  };
}
