/** What the cases of one column run against: servers of their own agents, and proxies to them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ServingProcess, serve } from "../harness/process.ts";
import { type CuttingProxy, startCuttingProxy } from "./cutting-proxy.ts";
import { createServerView, type ServerView } from "./server-view.ts";

const AGENTS = fileURLToPath(new URL("agents/agentlane.json", import.meta.url));

/** `tight` refuses and forgets early; `durable` can be started anew. */
export type ServerName = "main" | "tight" | "durable";

const ENVIRONMENTS: Readonly<Record<ServerName, Readonly<Record<string, string>>>> = {
  main: {},
  tight: { MAX_QUEUE_SIZE: "5", MEMORY_MAX_ENDED_EVENTS: "60" },
  durable: { LEASE_DURATION: "3", LEASE_RENEW_INTERVAL: "1", DRAIN_TIMEOUT: "1" },
};

export interface TestServer {
  readonly view: ServerView;
  startProxy(): Promise<CuttingProxy>;
  /** Ends it and starts it again; all of its proxies lead to the new one. */
  restart(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Fails when it did not drain. */
  stop(): Promise<void>;
}

export interface Installation {
  readonly servers: Readonly<Record<ServerName, TestServer>>;
  stop(): Promise<void>;
}

export async function startInstallation(): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-scenarios-"));
  const store = { STORE_URL: `sqlite:${join(folder, "tasks.db")}` };
  const [main, tight, durable] = await Promise.all([
    startServer(ENVIRONMENTS.main),
    startServer(ENVIRONMENTS.tight),
    startServer({ ...ENVIRONMENTS.durable, ...store }),
  ]);
  return {
    servers: { main, tight, durable },
    async stop() {
      try {
        for (const server of [main, tight, durable]) await server.stop();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

async function startServer(environment: Readonly<Record<string, string>>): Promise<TestServer> {
  const start = (): Promise<ServingProcess> =>
    serve(["--agents", AGENTS], { LOG_LEVEL: "warn", ...environment });
  let server = await start();
  let view = createServerView(`http://${server.address}`);
  const proxies: CuttingProxy[] = [];

  async function end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    view.close();
    server.kill(signal);
    const code = await server.exited;
    if (signal === "SIGTERM" && code !== 0) throw new Error(`the server ended with ${code}`);
  }
  async function renew(signal: "SIGTERM" | "SIGKILL"): Promise<number> {
    await end(signal);
    server = await start();
    view = createServerView(`http://${server.address}`);
    return portOf(server);
  }
  return {
    view: { look: (wanted) => view.look(wanted), close: () => view.close() },
    async startProxy() {
      const proxy = await startCuttingProxy("127.0.0.1", portOf(server));
      proxies.push(proxy);
      return proxy;
    },
    async restart(signal) {
      const move = renew(signal);
      await Promise.all(proxies.map((proxy) => proxy.during(move)));
    },
    async stop() {
      for (const proxy of proxies) await proxy.stop();
      await end("SIGTERM");
    },
  };
}

function portOf({ address }: ServingProcess): number {
  return Number(address.split(":").at(-1));
}
