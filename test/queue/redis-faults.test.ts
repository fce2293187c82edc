/** What breaks on Redis if a server, a connection or a consumer fails between two steps? */
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { uuidV7 } from "../../src/ids.ts";
import type { Consumer, MessageQueue } from "../../src/queue/contract.ts";
import { createRedisEventBus } from "../../src/queue/redis/bus.ts";
import { createRedisQueue } from "../../src/queue/redis/queue.ts";
import { toAgentlaneError } from "../../src/redis/errors.ts";
import { startTcpProxy, type TcpProxy } from "../fakes/tcp-proxy.ts";
import { entriesNotice, QUEUE, queueMessage } from "../harness/builders.ts";
import {
  connectionTo,
  hasRedis,
  type RedisServer,
  type RedisServerOptions,
  startRedis,
} from "../harness/redis-server.ts";

const never = new AbortController().signal;
const PREFIX = "faults";
const newId = uuidV7(systemClock);
const common = { prefix: PREFIX, clock: systemClock };

describe.skipIf(!hasRedis)("the Redis queue", () => {
  const opened: { stop(): Promise<void> }[] = [];
  let warnings: string[] = [];

  afterEach(async () => {
    for (const part of opened.splice(0).reverse()) await part.stop();
    warnings = [];
  });

  async function server(options: RedisServerOptions = {}): Promise<RedisServer> {
    const started = await startRedis(options);
    opened.push(started);
    return started;
  }

  async function proxy(redis: RedisServer): Promise<TcpProxy> {
    const started = await startTcpProxy(redis.port);
    opened.push(started);
    return started;
  }

  async function queue(url: string): Promise<MessageQueue> {
    const onWarning = (message: string): void => void warnings.push(message);
    const connection = connectionTo(url, { onWarning });
    const made = createRedisQueue({ ...common, connection, newId, onWarning });
    await made.start();
    opened.push(made);
    return made;
  }

  function consume(on: MessageQueue, workerId = "w1"): Promise<Consumer> {
    return on.consume({ queues: [QUEUE], workerId, prefetch: 10 });
  }

  /** Publishes again and again until one is confirmed, and receives until it came. */
  async function untilItWorks(on: MessageQueue, consumer: Consumer): Promise<number> {
    const startedAt = performance.now();
    const message = queueMessage();
    for (;;) {
      try {
        await on.publish([message]);
        break;
      } catch {
        await pause(50);
      }
    }
    for (;;) {
      const delivery = await consumer.receive(never);
      if (!delivery) throw new Error("the consumer was closed");
      await delivery.ack();
      if (delivery.message.taskId === message.taskId) return performance.now() - startedAt;
    }
  }

  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  it("takes an answer that came while the event loop was blocked", async () => {
    const { url } = await server({ aof: true });
    const on = await queue(url);
    const answered = on.depth(QUEUE);
    // The command leaves, and its answer comes when nobody reads.
    await new Promise((resolve) => setImmediate(resolve));
    const blockedUntil = performance.now() + 2000;
    while (performance.now() < blockedUntil);
    expect((await answered).pendingCount).toBe(0);
    expect(warnings).toEqual([]);
  });

  it("goes on by itself after its connections were killed", async () => {
    const redis = await server();
    const on = await queue(redis.url);
    const consumer = await consume(on);
    for (let round = 0; round < 5; round++) {
      const working = untilItWorks(on, consumer);
      await redis.killClients();
      expect(await working).toBeLessThan(10_000);
    }
  });

  it("keeps what was published over a restart of the server, and resumes within 10 s", async () => {
    const redis = await server({ aof: true });
    const on = await queue(redis.url);
    const kept = [queueMessage(), queueMessage(), queueMessage()];
    await on.publish(kept);
    const consumer = await consume(on);
    const first = await consumer.receive(never);
    await redis.kill();
    await expect(on.publish([queueMessage()])).rejects.toMatchObject({
      kind: "unavailable",
      retryAfterMs: expect.any(Number),
    });
    await first?.ack();
    const startedAt = performance.now();
    await redis.start();
    const received = new Set<string | undefined>();
    while (received.size < 2) {
      const delivery = await consumer.receive(never);
      if (!delivery) throw new Error("the consumer was closed");
      received.add(delivery?.message.taskId);
      await delivery?.ack();
    }
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(received).toEqual(new Set([kept[1]?.taskId, kept[2]?.taskId]));
    await pause(100);
    expect(await on.depth(QUEUE)).toMatchObject({ pendingCount: 0, unsettledCount: 0 });
  });

  it("refuses within two seconds when the server stalls, and goes on when it answers again", async () => {
    const redis = await server();
    const between = await proxy(redis);
    const on = await queue(`redis://127.0.0.1:${between.port}`);
    const consumer = await consume(on);
    between.stall();
    const startedAt = performance.now();
    await expect(on.publish([queueMessage()])).rejects.toMatchObject({ kind: "unavailable" });
    expect(performance.now() - startedAt).toBeLessThan(2500);
    const polledAt = consumer.lastPolledAt();
    await pause(100);
    expect(consumer.lastPolledAt()).toBe(polledAt);
    between.heal();
    expect(await untilItWorks(on, consumer)).toBeLessThan(10_000);
  });

  it("neither loses nor doubles when replies and pushes are swallowed", async () => {
    const redis = await server();
    const between = await proxy(redis);
    const there = await queue(`redis://127.0.0.1:${between.port}`);
    const here = await queue(redis.url);
    const consumer = await consume(there);
    const receiving = Array.from({ length: 5 }, () => consumer.receive(never));
    await expect.poll(() => redis.command("ZCARD", `{${PREFIX}}:mq:takers:${QUEUE}`)).toBe(1);
    between.swallowReplies();
    const messages = Array.from({ length: 5 }, () => queueMessage());
    await here.publish(messages);
    await pause(2500);
    between.cut();
    between.heal();
    const received: (string | undefined)[] = [];
    for (const each of receiving) {
      const delivery = await each;
      received.push(delivery?.message.taskId);
      await delivery?.ack();
    }
    expect(received.sort()).toEqual(messages.map(({ taskId }) => taskId).sort());
    await expect
      .poll(() => here.depth(QUEUE))
      .toMatchObject({ pendingCount: 0, unsettledCount: 0 });
  });

  it("gives a dead consumer's deliveries to others, marked as redelivered", async () => {
    const redis = await server();
    const between = await proxy(redis);
    const there = await queue(`redis://127.0.0.1:${between.port}`);
    const here = await queue(redis.url);
    const dying = await consume(there, "dying");
    const receiving = dying.receive(never);
    const message = queueMessage();
    await here.publish([message]);
    await receiving;
    between.refuse();
    const heir = await consume(here, "heir");
    const startedAt = performance.now();
    const delivery = await heir.receive(never);
    expect(delivery?.message.taskId).toBe(message.taskId);
    expect(delivery?.redelivered).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(14_000);
  });

  it("passes over a consumer that is not connected any more", async () => {
    const redis = await server();
    const between = await proxy(redis);
    const gone = await consume(await queue(`redis://127.0.0.1:${between.port}`), "gone");
    void gone.receive(never);
    await expect.poll(() => redis.command("ZCARD", `{${PREFIX}}:mq:takers:${QUEUE}`)).toBe(1);
    between.refuse();
    const here = await queue(redis.url);
    const other = (await consume(here, "other")).receive(never);
    await expect.poll(() => redis.command("PUBSUB", "NUMPAT")).toBe(0);
    await expect
      .poll(
        async () => String(await redis.command("CLIENT", "LIST")).split("name=agentlane ").length,
      )
      .toBe(2);
    const message = queueMessage({ preferredWorkerId: "gone" });
    await here.publish([message]);
    expect((await other)?.message.taskId).toBe(message.taskId);
  });

  it("starts anew when the server has forgotten its consumers", async () => {
    const redis = await server();
    const on = await queue(redis.url);
    const consumer = await consume(on);
    const receiving = consumer.receive(never);
    await expect.poll(() => redis.command("ZCARD", `{${PREFIX}}:mq:takers:${QUEUE}`)).toBe(1);
    await redis.command("FLUSHALL");
    await redis.command("FUNCTION", "FLUSH");
    const message = queueMessage();
    await on.publish([message]);
    const startedAt = performance.now();
    expect((await receiving)?.message.taskId).toBe(message.taskId);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it("sets an unreadable message aside and counts it", async () => {
    const redis = await server();
    const on = await queue(redis.url);
    await on.publish([queueMessage({ taskId: "x".repeat(40) })]);
    const line = `{${PREFIX}}:mq:line:2:p:${QUEUE}`;
    const text = "x".repeat(40);
    await redis.command(
      "EVAL",
      `local m = redis.call('LPOP', KEYS[1])
       redis.call('RPUSH', KEYS[1], (string.gsub(m, ARGV[1], string.rep('\\255', 40))))`,
      "1",
      line,
      text,
    );
    const good = queueMessage();
    await on.publish([good]);
    const consumer = await consume(on);
    expect((await consumer.receive(never))?.message.taskId).toBe(good.taskId);
    await expect
      .poll(() => on.depth(QUEUE))
      .toMatchObject({ pendingCount: 0, unsettledCount: 1, deadLetteredCount: 1 });
    expect(warnings.join()).toContain("unreadable");
  });

  it("goes on when somebody else pushes to its consumer what is no delivery", async () => {
    const redis = await server();
    const on = await queue(redis.url);
    const consumer = await consume(on);
    const [channel] = [await redis.command("PUBSUB", "CHANNELS", "*:to:*")].flat();
    const frames = ["", "x", "\0", "\0z", '{"tenant":"default"}', "\0\x01a\0\0\0\x09short"];
    for (const text of frames) await redis.command("PUBLISH", String(channel), text);
    const good = queueMessage();
    await on.publish([good]);
    expect((await consumer.receive(never))?.message.taskId).toBe(good.taskId);
    expect(warnings.filter((warning) => warning.includes("unreadable"))).toHaveLength(5);
  });

  it("goes on when somebody else has written into its lines", async () => {
    const redis = await server();
    const on = await queue(redis.url);
    const messages = [queueMessage(), queueMessage()];
    await on.publish(messages);
    for (const junk of ["", "junk", "x".repeat(100)]) {
      await redis.command("LPUSH", `{${PREFIX}}:mq:line:2:p:${QUEUE}`, junk);
    }
    await on.depth(QUEUE);
    const consumer = await consume(on);
    for (const { taskId } of messages) {
      const delivery = await consumer.receive(never);
      expect(delivery?.message.taskId).toBe(taskId);
      await delivery?.ack();
    }
    const nothing = { pendingCount: 0, unsettledCount: 0 };
    expect(await on.depth(QUEUE)).toMatchObject({ ...nothing, deadLetteredCount: 3 });
  });

  it("acks at maxmemory, where it takes no more messages", async () => {
    const redis = await server({ maxmemory: "4mb" });
    const on = await queue(redis.url);
    const consumer = await consume(on);
    const traceHeaders = { baggage: "b".repeat(20_000) };
    const fill = async (): Promise<void> => {
      for (;;) await on.publish([queueMessage({ traceHeaders })]);
    };
    await expect(fill()).rejects.toMatchObject({
      kind: "resource_exhausted",
      reason: "REDIS_OUT_OF_MEMORY",
    });
    const { pendingCount } = await on.depth(QUEUE);
    for (let count = 0; count < pendingCount; count++) {
      await (await consumer.receive(never))?.ack();
    }
    await expect.poll(() => on.depth(QUEUE)).toMatchObject({ pendingCount: 0, unsettledCount: 0 });
    expect(await untilItWorks(on, consumer)).toBeLessThan(10_000);
  });

  it("keeps what was published out of its errors", async () => {
    const redis = await server({ maxmemory: "2mb" });
    const on = await queue(redis.url);
    const traceHeaders = { baggage: "b".repeat(20_000) };
    const fill = async (): Promise<void> => {
      for (;;) await on.publish([queueMessage({ traceHeaders })]);
    };
    const error = await fill().catch((reason: unknown) => reason);
    expect(error).toHaveProperty("cause.message");
    expect(error).not.toHaveProperty("cause.command");
  });

  it("keeps the arguments of a command that the server does not know out of its errors", () => {
    const reply = new Error("ERR unknown command 'evalsha', with args beginning with: 'sing' 'no'");
    reply.name = "ReplyError";
    const error = toAgentlaneError(reply);
    expect(error.message).toBe("Redis: ERR unknown command 'evalsha'");
    expect(inspect(error, { depth: 20 })).not.toContain("sing");
  });

  describe("at the start", () => {
    it.each([
      [
        "a password it does not know",
        { password: "secret" },
        "redis://127.0.0.1",
        "wants a password",
      ],
      ["a wrong password", { password: "secret" }, "redis://:wrong@127.0.0.1", "refuses"],
    ])("says what is wrong with %s", async (_, options, host, text) => {
      const redis = await server(options);
      await expect(queue(`${host}:${redis.port}`)).rejects.toThrow(text);
      const error = await queue(`${host}:${redis.port}`).catch((reason: unknown) => reason);
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("wrong");
    });

    it("says where nothing listens", async () => {
      await expect(queue("redis://127.0.0.1:1")).rejects.toThrow(
        /127\.0\.0\.1:1 does not answer: .*ECONNREFUSED/,
      );
    });

    it("refuses a server that evicts, and warns of one without an append-only file", async () => {
      const redis = await server();
      await queue(redis.url);
      expect(warnings.join()).toContain("appendonly yes");
      await redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
      await expect(queue(redis.url)).rejects.toThrow("set maxmemory-policy noeviction");
    });
  });

  it("hears notices again after the bus lost its connection, and ignores what is none", async () => {
    const redis = await server();
    const onWarning = (message: string): void => void warnings.push(message);
    const connection = connectionTo(redis.url);
    const bus = createRedisEventBus({ ...common, connection, onWarning });
    await bus.start();
    opened.push(bus);
    const heard: unknown[] = [];
    await bus.subscribe("task/default/t1", (notice) => void heard.push(notice));
    const [channel] = [await redis.command("PUBSUB", "CHANNELS")].flat();
    await redis.command("PUBLISH", String(channel), "x");
    await redis.killClients();
    await expect
      .poll(() => {
        bus.publish("task/default/t1", entriesNotice("t1", 1, "hello"));
        return heard.length;
      })
      .toBeGreaterThan(0);
    expect(warnings.join()).toContain("unreadable notice");
  });
});
