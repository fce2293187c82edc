/** The connections to a Redis that is slow, refuses, or has much to say. */
import { setTimeout as after } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { RedisConnection } from "../../src/redis/connection.ts";
import { connectionTo, hasRedis, type RedisServer, startRedis } from "../harness/redis-server.ts";

const KEY = "{test}:key";

describe.skipIf(!hasRedis)("the connections to Redis", () => {
  const ending: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end();
  });

  async function redis(): Promise<RedisServer> {
    const server = await startRedis();
    ending.push(() => server.stop());
    return server;
  }

  async function connected(url: string): Promise<RedisConnection> {
    const connection = connectionTo(url);
    ending.push(() => connection.stop());
    await connection.start();
    return connection;
  }

  it("hear what is pushed while a reply is larger than Redis keeps for a subscriber", async () => {
    const server = await redis();
    await server.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 1mb 1");
    const connection = await connected(server.url);
    const heard: string[] = [];
    await connection.subscribe("{test}:channel", (payload) => heard.push(payload.toString()));
    await connection.call("set", [KEY, "x".repeat(32 * 1024 * 1024)]);
    const reply = await connection.call("get", [KEY]);
    expect(Buffer.isBuffer(reply) && reply.length).toBe(32 * 1024 * 1024);
    await connection.call("publish", ["{test}:channel", "still here"]);
    await expect.poll(() => heard).toEqual(["still here"]);
  });

  /** Keeps Redis busy for so long. */
  function busy(connection: RedisConnection, ms: number): Promise<unknown> {
    const lua = `
      local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end
      local till = now() + ${ms}
      while now() < till do end`;
    return connection.call("eval", [lua, 0]);
  }

  /** A command is late, and another one was answered meanwhile: Redis is no dead connection. */
  async function behind(connection: RedisConnection): Promise<void> {
    const first = busy(connection, 800);
    // In a write of its own, so that the first one is answered by itself.
    await after(50);
    const late = Promise.allSettled([busy(connection, 2500), connection.call("incr", [KEY])]);
    await first;
    expect((await late).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  }

  it("refuse at once while Redis is behind, and go on when it has caught up", async () => {
    const server = await redis();
    const connection = await connected(server.url);
    await behind(connection);
    await expect(connection.call("incr", [KEY])).rejects.toMatchObject({
      kind: "unavailable",
      reason: "REDIS_BEHIND",
      retryAfterMs: expect.any(Number),
    });
    const value = () => connection.call("get", [KEY]).then(String, () => "refused");
    // The late one has taken effect, the refused one has not.
    await expect.poll(value, { timeout: 10_000, interval: 50 }).toBe("1");
  });

  it("give a dead connection up although Redis was behind before", async () => {
    const server = await redis();
    const connection = await connected(server.url);
    await behind(connection);
    server.freeze();
    const reason = () => connection.call("get", [KEY]).catch(({ reason }) => reason);
    await expect.poll(reason, { timeout: 10_000, interval: 50 }).toBe("REDIS_UNAVAILABLE");
    server.thaw();
    const value = () => connection.call("get", [KEY]).then(String, () => "refused");
    await expect.poll(value, { timeout: 15_000, interval: 50 }).toBe("1");
  });

  it("take a refusal while they run for an outage", async () => {
    const server = await redis();
    const connection = await connected(server.url);
    await server.command("ACL", "SETUSER", "default", "-get");
    await expect(connection.call("get", [KEY])).rejects.toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("may not run the commands"),
    });
    const admin = await connected(server.url);
    await server.command("CONFIG", "SET", "requirepass", "secret");
    await admin.call("client", ["kill", "type", "normal"]);
    const failure = () => connection.call("ping", []).catch((error: unknown) => error);
    await expect.poll(failure).toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("wants a password"),
      retryAfterMs: expect.any(Number),
    });
  });

  it.each([
    ["/99", "does not have the database"],
    ["/abc", "the database is a number"],
  ])("do not begin with the database %s", async (path, message) => {
    const server = await redis();
    const start = async () => {
      const connection = connectionTo(`${server.url}${path}`);
      ending.push(() => connection.stop());
      await connection.start();
    };
    await expect(start()).rejects.toMatchObject({
      kind: "failed_precondition",
      message: expect.stringContaining(message),
    });
  });

  it("use the database that the URL names", async () => {
    const server = await redis();
    const connection = await connected(`${server.url}/3`);
    await connection.call("set", [KEY, "here"]);
    expect(await server.command("EXISTS", KEY)).toBe(0);
  });
});
