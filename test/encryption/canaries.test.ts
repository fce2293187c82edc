/** What servers are given and keep, as an administrator of theirs would read it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { Role, ToolResultSchema } from "../../gen/agentlane/v1/content_pb.js";
import { ToolCallFinishedSchema } from "../../gen/agentlane/v1/task_pb.js";
import {
  agent,
  assistantMessage,
  chunk,
  outcome,
  type Script,
  scriptedExecutor,
} from "../fakes/scripted-executor.ts";
import { activated, newKeys } from "../harness/encryption.ts";
import { hasPostgres, sql, startPostgres } from "../harness/postgres-server.ts";
import { run } from "../harness/process.ts";
import { startProgram } from "../harness/program.ts";
import { hasRabbit, newRabbitPrefix, startRabbit } from "../harness/rabbitmq-server.ts";
import { hasRedis, startRedis } from "../harness/redis-server.ts";

const CANARY = {
  prompt: "canary-prompt-71c2",
  chunk: "canary-chunk-b02e",
  tool: "canary-tool-5d9f",
  answer: "canary-answer-e610",
  checkpoint: "canary-checkpoint-93aa",
  error: "canary-error-4f27",
} as const;

const KEYS = newKeys("k1", "k2");

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-encryption-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function keysFile(keys = KEYS): string {
  const path = join(folder, `keys-${keys.activeId}.json`);
  const secrets = [...keys.secrets].map(([id, key]) => [id, Buffer.from(key).toString("base64")]);
  const content = { active: keys.activeId, keys: Object.fromEntries(secrets) };
  writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
  return path;
}

const script: Script = async function* (turn) {
  if (turn.context.version > 0n) throw new TypeError(CANARY.error);
  yield chunk("m1", CANARY.chunk);
  const result = create(ToolResultSchema, { toolCallId: "c1", text: CANARY.tool });
  const finished = create(ToolCallFinishedSchema, { name: "lookup", result });
  yield { type: "event", kind: { case: "toolCallFinished", value: finished } };
  const checkpoint = Buffer.from(CANARY.checkpoint);
  yield outcome({ messages: [assistantMessage("m1", CANARY.answer)], checkpoint });
};

const turn = {
  agentId: "scripted",
  sessionId: "s1",
  idempotencyKey: "",
  messages: [
    { role: Role.USER, content: [{ part: { case: "text" as const, value: CANARY.prompt } }] },
  ],
};

function start(environment: Record<string, string>) {
  const executors = [scriptedExecutor(script)];
  const agents = [agent({ maxAttempts: 1 })];
  return startProgram({ executors, agents }, environment);
}

/** A turn that streams and one that fails: everything that content goes into. */
async function useProgram(environment: Record<string, string>): Promise<void> {
  const program = await start(environment);
  try {
    const seen: string[] = [];
    for await (const { event } of program.agents.streamExecute(turn)) seen.push(textOf(event));
    // The client sees all of it.
    for (const text of [CANARY.chunk, CANARY.tool, CANARY.answer]) {
      expect(seen.join()).toContain(text);
    }
    await expect(program.agents.execute(turn)).rejects.toThrow(CANARY.error);
    const session = { agentId: "scripted", sessionId: "s1" };
    const { context } = await program.sessions.getSession(session);
    expect(textOf(context?.history)).toContain(CANARY.answer);
  } finally {
    await program.stop();
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, each) => (typeof each === "bigint" ? `${each}` : each));
}

/** Names of the canaries that are in one of the dumps, as they are or in hexadecimal. */
function found(dumps: readonly (string | Buffer)[]): string[] {
  return Object.entries(CANARY).flatMap(([name, canary]) => {
    const forms = [canary, Buffer.from(canary).toString("hex")];
    return dumps.some((dump) => forms.some((form) => dump.includes(form))) ? [name] : [];
  });
}

function filesIn(path: string): Buffer[] {
  return readdirSync(path, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [readFileSync(join(entry.parentPath, entry.name))] : [],
  );
}

describe.each([true, false])("with encryption: %s", (isOn) => {
  const environment = (): Record<string, string> => (isOn ? { PAYLOAD_KEYS_FILE: keysFile() } : {});
  const expected = isOn ? [] : Object.keys(CANARY);

  it("the files of SQLite", async () => {
    const data = mkdtempSync(join(folder, "data-"));
    await useProgram({ ...environment(), STORE_URL: `sqlite:${join(data, "store.db")}` });
    expect(found(filesIn(data))).toEqual(expected);
  });

  it.skipIf(!hasRedis)("all that Redis is told, and its append-only file", async () => {
    const server = await startRedis({ aof: true });
    try {
      const client = new Redis(server.url);
      onTestFinished(() => client.disconnect());
      const monitor = await client.monitor();
      const told: string[] = [];
      monitor.on("error", () => undefined);
      monitor.on("monitor", (_time: string, args: string[]) => told.push(args.join(" ")));
      await useProgram({
        ...environment(),
        MESSAGE_QUEUE_TYPE: "redis",
        REDIS_URL: server.url,
      });
      monitor.disconnect();
      const [, data = ""] = (await server.command("CONFIG", "GET", "dir")) as string[];
      expect(found(filesIn(data))).toEqual(expected);
      expect(found(told)).toEqual(expected);
    } finally {
      await server.stop();
    }
  });

  it.skipIf(!hasPostgres || !hasRabbit)(
    "PostgreSQL's rows and RabbitMQ's messages",
    async () => {
      const [postgres, rabbit] = await Promise.all([startPostgres(), startRabbit()]);
      const firehose = await connect(rabbit.url);
      try {
        const channel = await firehose.createChannel();
        const { queue } = await channel.assertQueue("", { exclusive: true });
        await channel.bindQueue(queue, "amq.rabbitmq.trace", "#");
        const carried: Buffer[] = [];
        await channel.consume(queue, (message) => message && carried.push(message.content));
        await rabbit.evaluate('rabbit_trace:start(<<"/">>)');
        const url = await postgres.createDatabase();
        await useProgram({
          ...environment(),
          STORE_URL: url,
          MESSAGE_QUEUE_TYPE: "rabbitmq",
          RABBITMQ_URL: rabbit.url,
          RABBITMQ_PREFIX: newRabbitPrefix(),
        });
        expect(found(await rowsOf(url))).toEqual(expected);
        expect(carried.length).toBeGreaterThan(0);
        // What a broker is told: no requests and no contexts, and notices of entries only.
        const inEntries = ["chunk", "tool", "answer", "error"];
        expect(found(carried)).toEqual(isOn ? [] : inEntries);
      } finally {
        await firehose.close();
        await Promise.all([postgres.stop(), rabbit.stop()]);
      }
    },
    120_000,
  );
});

/** As text; bytes are hexadecimal. */
async function rowsOf(url: string): Promise<string[]> {
  const tables = await sql(
    url,
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'agentlane'",
  );
  const rows = await Promise.all(
    tables.map(({ name }) => sql(url, `SELECT each::text AS row FROM ${name} each`)),
  );
  return rows.flat().map(({ row }) => String(row));
}

describe.skipIf(!hasRedis)("processes of one installation", () => {
  it("share a session while each has another key active, and lock out one without", async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const shared = { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: server.url };
    const worker = { ...shared, TASK_MANAGER_ENABLED: "true" };
    const gateway = { ...shared, TASK_MANAGER_ENABLED: "false" };
    const echo: Script = async () => ({ messages: [assistantMessage("", "answer")] });
    const open = (environment: Record<string, string>, keys = KEYS) =>
      startProgram(
        { executors: [scriptedExecutor(echo)], agents: [agent({ maxAttempts: 1 })] },
        { ...environment, PAYLOAD_KEYS_FILE: keysFile(keys) },
      );
    const [first, second] = [await open(gateway), await open(gateway, activated(KEYS, "k2"))];
    const works = await open(worker);
    for (const each of [first, second, first, second]) {
      const { result } = await each.agents.execute(turn);
      expect(result?.messages).toHaveLength(1);
    }
    await works.stop();
    const later = await open(worker, activated(KEYS, "k2"));
    expect((await first.agents.execute(turn)).result?.sessionVersion).toBe(5n);
    const usage = await run(["encryption", "usage", "--json"], {
      ...shared,
      STORE_URL: server.url,
    });
    expect(usage.code).toBe(0);
    expect(JSON.parse(usage.output)).toEqual({ keys: [{ key: "k2", sessionCount: 1 }] });
    await later.stop();
    const stranger = await open(worker, newKeys("k3"));
    await expect(first.agents.execute(turn)).rejects.toThrow(/encrypted with key "k1"/);
    const session = { agentId: "scripted", sessionId: "s1" };
    await expect(stranger.sessions.getSession(session)).rejects.toThrow(/key "k2"/);
    expect((await second.sessions.getSession(session)).context?.version).toBe(5n);
    for (const each of [stranger, second, first]) await each.stop();
  });
});
