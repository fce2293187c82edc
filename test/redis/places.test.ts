/** Where a Redis may be: behind TLS, in a cluster, open only to a user with few rights. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import { AgentService, ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { loadConfig } from "../../src/config.ts";
import { createRuntime, type Runtime } from "../../src/runtime.ts";
import { silentLogger } from "../../src/telemetry/logging.ts";
import { AGENT, TENANT, userMessage } from "../harness/builders.ts";
import { serve } from "../harness/process.ts";
import {
  connectionTo,
  hasRedis,
  newPrefix,
  type RedisServer,
  startRedis,
} from "../harness/redis-server.ts";
import { createCertificates } from "../server/certificates.ts";

const never = new AbortController().signal;
const request = create(ExecuteRequestSchema, {
  agentId: AGENT,
  sessionId: "s1",
  messages: [userMessage("hello")],
});

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

  async function runtimeAt(url: string, prefix: string): Promise<Runtime> {
    const config = loadConfig({
      PORT: "0",
      MESSAGE_QUEUE_TYPE: "redis",
      REDIS_URL: url,
      REDIS_KEY_PREFIX: prefix,
    });
    const runtime = await createRuntime(config, { logger: silentLogger });
    ending.push(() => runtime.stop());
    await runtime.start();
    return runtime;
  }

  /** Answers the number of its log entries. */
  async function turn({ manager }: Runtime): Promise<number> {
    const options = { streaming: false, deadlineInMs: undefined };
    const { entries } = await manager.run({ tenant: TENANT }, request, options, never);
    let count = 0;
    for await (const batch of entries) count += batch.length;
    return count;
  }

  it("behind TLS is reached, if its authority is trusted", { timeout: 60_000 }, async () => {
    const { ca, server } = createCertificates();
    const { url } = await redis({ tls: { ca, ...server } });
    expect(url).toMatch(/^rediss:/);
    const distrusting = connectionTo(url);
    await expect(distrusting.start()).rejects.toMatchObject({
      kind: "failed_precondition",
      message: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
    });
    await distrusting.stop();

    const folder = await mkdtemp(join(tmpdir(), "agentlane-ca-"));
    ending.push(() => rm(folder, { recursive: true }));
    const file = join(folder, "ca.pem");
    await writeFile(file, ca);
    // Node reads the variable when it starts.
    const serving = await serve([], {
      MESSAGE_QUEUE_TYPE: "redis",
      REDIS_URL: url,
      NODE_EXTRA_CA_CERTS: file,
    });
    ending.push(() => {
      serving.kill("SIGKILL");
      return serving.exited;
    });
    const transport = createGrpcTransport({ baseUrl: `http://${serving.address}` });
    const { state } = await createClient(AgentService, transport).execute(request);
    expect(state).toBe(TaskState.COMPLETED);
  });

  it("serves a user with the rights that docs/redis.md gives", async () => {
    const server = await redis({});
    const page = await readFile(new URL("../../docs/redis.md", import.meta.url), "utf8");
    const [, rule = ""] = /^(ACL SETUSER agentlane .*)$/m.exec(page) ?? [];
    const [command = "", ...args] = rule.split(" ");
    await server.command(command, ...args);
    const url = server.url.replace("redis://", "redis://agentlane:secret@");
    const runtime = await runtimeAt(url, "agentlane");
    expect(await turn(runtime)).toBeGreaterThan(2);
    expect(await server.command("ACL", "LOG")).toEqual([]);

    await server.command("ACL", "SETUSER", "agentlane", "-function|load");
    const other = runtimeAt(url, "other");
    await expect(other.then(turn)).rejects.toMatchObject({
      kind: "failed_precondition",
      message: expect.stringContaining("Redis user in REDIS_URL"),
    });
  });

  it("in a cluster is found, whichever node the URL names", { timeout: 60_000 }, async () => {
    const nodes: RedisServer[] = [];
    for (let count = 0; count < 3; count++) nodes.push(await redis({ cluster: true }));
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
    execFileSync("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"], {
      stdio: "ignore",
    });
    for (const { command } of nodes) {
      await expect
        .poll(() => command("CLUSTER", "INFO"), { timeout: 20_000 })
        .toContain("cluster_state:ok");
    }
    const prefix = newPrefix();
    for (const { url } of nodes) {
      expect(await turn(await runtimeAt(url, prefix))).toBeGreaterThan(2);
    }
  });
});
