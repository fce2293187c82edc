/** Limits of a tenant over two gateways, whatever is restarted in between. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import {
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { run, type ServingProcess, serve } from "../harness/process.ts";
import { startProgram } from "../harness/program.ts";
import { hasRabbit, type RabbitServer, startRabbit } from "../harness/rabbitmq-server.ts";
import { dropKeys, hasRedis, newPrefix, sharedRedis } from "../harness/redis-server.ts";

const LIMIT = 20;
const TURN = {
  agentId: "echo",
  messages: [{ role: Role.USER, content: [{ part: { case: "text" as const, value: "hello" } }] }],
};

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-limits-"));
  file = join(folder, "tenants.json");
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(rule: object): void {
  writeFileSync(file, JSON.stringify({ default: rule }));
}

describe.each([
  { queue: "Redis", isAvailable: hasRedis, startBroker: undefined },
  { queue: "RabbitMQ", isAvailable: hasRedis && hasRabbit, startBroker: startRabbit },
])("two gateways on $queue", { timeout: 120_000 }, ({ isAvailable, startBroker }) => {
  let redis: Awaited<ReturnType<typeof sharedRedis>>;
  let broker: RabbitServer | undefined;
  const prefix = newPrefix();
  const started: ServingProcess[] = [];
  beforeAll(async () => {
    if (!isAvailable) return;
    [redis, broker] = await Promise.all([sharedRedis(), startBroker?.()]);
  });
  afterAll(async () => {
    if (!isAvailable) return;
    await end(started);
    await dropKeys(redis.url, prefix);
    await Promise.all([redis.stop(), broker?.stop()]);
  });

  async function start(own: Record<string, string> = {}) {
    const process = await serve([], {
      ...(broker
        ? { MESSAGE_QUEUE_TYPE: "rabbitmq", RABBITMQ_URL: broker.url, STORE_URL: redis.url }
        : { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: redis.url }),
      REDIS_KEY_PREFIX: prefix,
      TENANTS_FILE: file,
      ...own,
    });
    started.push(process);
    const transport = createGrpcTransport({ baseUrl: `http://${process.address}` });
    return {
      process,
      tasks: createClient(TaskService, transport),
      operations: createClient(OperationsService, transport),
    };
  }

  const gateway = () => start({ TASK_MANAGER_ENABLED: "false" });
  type Gateway = Awaited<ReturnType<typeof gateway>>;

  async function end(processes: readonly ServingProcess[]): Promise<void> {
    for (const process of processes) process.kill("SIGKILL");
    await Promise.all(processes.map(({ exited }) => exited));
  }

  /** Undefined when it was accepted. A slow machine's UNAVAILABLE means unknown: so it is repeated. */
  async function refusal(gateway: Gateway | undefined): Promise<ConnectError | undefined> {
    const idempotencyKey = randomUUID();
    for (;;) {
      try {
        await gateway?.tasks.submitTask({ ...TURN, idempotencyKey });
        return undefined;
      } catch (thrown) {
        const error = ConnectError.from(thrown);
        if (error.code !== Code.Unavailable) return error;
      }
    }
  }

  async function refusals(gateways: readonly Gateway[], count: number): Promise<ConnectError[]> {
    const submits = Array.from({ length: count }, (_, index) =>
      refusal(gateways[index % gateways.length]),
    );
    return (await Promise.all(submits)).flatMap((error) => (error ? [error] : []));
  }

  it.runIf(isAvailable)(
    "take exactly as many tasks as a tenant may queue, and know it after a restart",
    async () => {
      write({ maxQueuedTasks: LIMIT, maxRunningTasks: 2 });
      const before = [await gateway(), await gateway()];
      const refused = await refusals(before, 100);
      const [first] = refused;
      expect(new Set(refused.map(({ code }) => code))).toEqual(new Set([Code.ResourceExhausted]));
      expect(refused).toHaveLength(100 - LIMIT);
      expect(first?.findDetails(ErrorInfoSchema)[0]).toMatchObject({
        reason: "TENANT_QUEUED_TASKS",
      });
      expect(first?.findDetails(RetryInfoSchema)).toHaveLength(1);
      expect(first?.findDetails(QuotaFailureSchema)[0]?.violations[0]?.subject).toBe(
        "tenant:default",
      );
      await end(before.map(({ process }) => process));

      const after = [await gateway(), await gateway()];
      const usage = await after[0]?.operations.getTenantUsage({});
      expect(usage).toMatchObject({
        tenant: "default",
        queuedTasks: BigInt(LIMIT),
        limits: { weight: 1, maxQueuedTasks: BigInt(LIMIT), maxRunningTasks: 2n },
      });
      expect(await refusals(after, 10)).toHaveLength(10);

      const worker = await start();
      const left = async () => (await worker.operations.getTenantUsage({})).queuedTasks;
      await expect.poll(left, { timeout: 60_000 }).toBe(0n);
      expect(await refusals(after, 2)).toHaveLength(0);
    },
  );
});

describe("the tenants file of a process", { timeout: 60_000 }, () => {
  it("ends the start with the key when it is wrong", async () => {
    write({ maxQueuedTasks: "many" });
    const { code, errors, output } = await run(["serve"], { PORT: "0", TENANTS_FILE: file });
    expect(code).not.toBe(0);
    expect(errors + output).toContain("default.maxQueuedTasks");
  });

  it("is read again when it changes", async () => {
    write({ requestsPerSecond: 0.001, burst: 1 });
    const program = await startProgram({}, { TENANTS_FILE: file });
    await program.tasks.submitTask(TURN);
    await expect(program.tasks.submitTask(TURN)).rejects.toMatchObject({
      code: Code.ResourceExhausted,
    });
    write({ requestsPerSecond: 1000, burst: 100_000 });
    const accepted = () =>
      program.tasks.submitTask(TURN).then(
        () => true,
        () => false,
      );
    await expect.poll(accepted, { timeout: 30_000 }).toBe(true);
    await program.stop();
  });

  it("answers OpenAI's clients 429 with the time to wait", async () => {
    write({ requestsPerSecond: 0.1, burst: 1 });
    const program = await startProgram({}, { TENANTS_FILE: file });
    const call = () =>
      fetch(`${program.baseUrl}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "echo", messages: [{ role: "user", content: "hello" }] }),
      });
    expect((await call()).status).toBe(200);
    const refused = await call();
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(10);
    expect(await refused.json()).toMatchObject({
      error: { type: "rate_limit_error", code: "tenant_request_rate" },
    });
    await program.stop();
  });
});
