/** Where a Redis may be: behind TLS, in a cluster. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { run, serve } from "../harness/process.ts";
import { hasRedis, newPrefix, type RedisServer, startRedis } from "../harness/redis-server.ts";
import { createCertificates } from "../server/certificates.ts";

describe.skipIf(!hasRedis)("a Redis", () => {
  const ending: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end();
  });

  async function redis(options: Parameters<typeof startRedis>[0]): Promise<RedisServer> {
    const server = await startRedis(options);
    ending.push(() => server.stop());
    return server;
  }

  /** One process at each URL, which each gets a turn done; all of one installation. */
  async function expectTurns(urls: readonly string[], environment: Record<string, string> = {}) {
    const shared = { MESSAGE_QUEUE_TYPE: "redis", REDIS_KEY_PREFIX: newPrefix(), ...environment };
    for (const url of urls) {
      const serving = await serve([], { ...shared, REDIS_URL: url });
      ending.push(() => {
        serving.kill("SIGKILL");
        return serving.exited;
      });
      const transport = createGrpcTransport({ baseUrl: `http://${serving.address}` });
      const { state } = await createClient(AgentService, transport).execute({
        agentId: "echo",
        sessionId: "s1",
        messages: [{ role: Role.USER, content: [{ part: { case: "text", value: "hello" } }] }],
      });
      expect(state).toBe(TaskState.COMPLETED);
    }
  }

  it("is reached by TLS, if its authority is trusted", async () => {
    const { ca, server } = createCertificates();
    const folder = await mkdtemp(join(tmpdir(), "agentlane-ca-"));
    ending.push(() => rm(folder, { recursive: true }));
    const file = join(folder, "ca.pem");
    await writeFile(file, ca);
    const { url } = await redis({ tls: { ca, ...server } });
    expect(url).toMatch(/^rediss:/);
    await expectTurns([url], { NODE_EXTRA_CA_CERTS: file });
    const distrusting = await run(["serve"], { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: url });
    expect(distrusting.code).not.toBe(0);
    expect(distrusting.errors + distrusting.output).toContain("NODE_EXTRA_CA_CERTS");
  });

  it("is found in a cluster, whichever node the URL names", async () => {
    const nodes = [
      await redis({ cluster: true }),
      await redis({ cluster: true }),
      await redis({ cluster: true }),
    ];
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
    execFileSync("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"], {
      stdio: "ignore",
    });
    for (const { command } of nodes) {
      await expect.poll(() => command("CLUSTER", "INFO")).toContain("cluster_state:ok");
    }
    await expectTurns(nodes.map(({ url }) => url));
  });
});
