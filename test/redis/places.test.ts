/** Where a Redis may be: behind TLS, in a cluster, open only to a user with few rights. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { AgentService, ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { loadConfig } from "../../src/config.ts";
import { createRuntime, type Runtime } from "../../src/runtime.ts";
import { silentLogger } from "../../src/telemetry/logging.ts";
import { AGENT, TENANT, userMessage } from "../harness/builders.ts";
import { principal } from "../harness/principals.ts";
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
    const { entries } = await manager.run(principal(TENANT), request, options, never);
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

  async function cluster(): Promise<RedisServer[]> {
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
    return nodes;
  }

  it("in a cluster is found, whichever node the URL names", { timeout: 60_000 }, async () => {
    const prefix = newPrefix();
    for (const { url } of await cluster()) {
      expect(await turn(await runtimeAt(url, prefix))).toBeGreaterThan(2);
    }
  });

  it("in a cluster is followed when our slot moves", { timeout: 120_000 }, async () => {
    const [first, second] = await cluster();
    if (!first || !second) throw new Error("a cluster has three nodes");
    // The first node has the slots from 0 on, and gives the lowest ones away first.
    const prefix = await prefixOfSlot(first, 0);
    const runtime = await runtimeAt(first.url, prefix);
    expect(await turn(runtime)).toBeGreaterThan(2);
    const [from, to] = await Promise.all([first, second].map((node) => idOf(node)));
    const ends = ["--cluster-from", `${from}`, "--cluster-to", `${to}`, "--cluster-slots", "1"];
    const reshard = ["--cluster", "reshard", `127.0.0.1:${first.port}`, ...ends, "--cluster-yes"];
    execFileSync("redis-cli", reshard, { stdio: "ignore" });
    expect(await second.command("CLUSTER", "COUNTKEYSINSLOT", "0")).toBeGreaterThan(0);

    const again = () => turn(runtime).catch(() => 0);
    await expect.poll(again, { timeout: 30_000 }).toBeGreaterThan(2);
  });
});

async function idOf(node: RedisServer): Promise<string> {
  return String(await node.command("CLUSTER", "MYID"));
}

async function prefixOfSlot(node: RedisServer, slot: number): Promise<string> {
  const client = new Redis(node.url, { lazyConnect: true });
  await client.connect();
  try {
    for (let number = 0; ; number++) {
      const prefix = `p${number}`;
      if ((await client.cluster("KEYSLOT", `{${prefix}}`)) === slot) return prefix;
    }
  } finally {
    client.disconnect();
  }
}
