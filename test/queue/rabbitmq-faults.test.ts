/** What breaks on RabbitMQ if a server, a connection, a queue or a user fails between two steps? */
import { inspect } from "node:util";
import { type ConfirmChannel, connect } from "amqplib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { uuidV7 } from "../../src/ids.ts";
import type { Consumer, MessageQueue } from "../../src/queue/contract.ts";
import { createRabbitEventBus } from "../../src/queue/rabbitmq/bus.ts";
import { createRabbitQueue } from "../../src/queue/rabbitmq/queue.ts";
import { checkServer } from "../../src/queue/rabbitmq/server-check.ts";
import type { QueueType } from "../../src/queue/rabbitmq/topology.ts";
import { startTcpProxy, type TcpProxy } from "../fakes/tcp-proxy.ts";
import { QUEUE, queueMessage } from "../harness/builders.ts";
import {
  hasRabbit,
  newRabbitPrefix,
  type RabbitServer,
  startRabbit,
} from "../harness/rabbitmq-server.ts";

const never = new AbortController().signal;
const NORMAL = `${QUEUE}.normal`;

describe.skipIf(!hasRabbit)("the RabbitMQ queue", () => {
  const opened: { stop(): Promise<void> }[] = [];
  let rabbit: RabbitServer;
  let prefix = "";
  let warnings: string[] = [];

  beforeAll(async () => {
    rabbit = await startRabbit({
      settings: ["{channel_tick_interval, 500}", "{consumer_timeout, 3000}"],
    });
  }, 120_000);
  afterAll(() => rabbit?.stop());
  afterEach(async () => {
    for (const part of opened.splice(0).reverse()) await part.stop();
    warnings = [];
    await rabbit.drop(prefix);
  });

  async function proxy(): Promise<TcpProxy> {
    const started = await startTcpProxy(rabbit.port);
    opened.push(started);
    return started;
  }

  async function queue(url = rabbit.url, queueType?: QueueType): Promise<MessageQueue> {
    if (opened.length === 0 || prefix === "") prefix = newRabbitPrefix();
    return queueOf(url, queueType);
  }

  async function queueOf(url = rabbit.url, queueType?: QueueType): Promise<MessageQueue> {
    const onWarning = (message: string): void => void warnings.push(message);
    const common = { clock: systemClock, random: systemRandom, onWarning };
    const made = createRabbitQueue({ ...common, url, prefix, ...(queueType ? { queueType } : {}) });
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
      await delivery.ack().catch(() => undefined);
      if (delivery.message.taskId === message.taskId) return performance.now() - startedAt;
    }
  }

  async function take(consumer: Consumer, count: number): Promise<Set<string>> {
    const received = new Set<string>();
    while (received.size < count) {
      const delivery = await consumer.receive(never);
      if (!delivery) throw new Error("the consumer was closed");
      received.add(delivery.message.taskId);
      await delivery.ack().catch(() => undefined);
    }
    return received;
  }

  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  async function onChannel(work: (channel: ConfirmChannel) => Promise<unknown>): Promise<void> {
    const model = await connect(rabbit.url);
    try {
      const channel = await model.createConfirmChannel();
      await work(channel);
      await channel.waitForConfirms();
    } finally {
      await model.close();
    }
  }

  it("goes on by itself after its connections were closed", async () => {
    const on = await queue();
    const consumer = await consume(on);
    for (let round = 0; round < 5; round++) {
      const working = untilItWorks(on, consumer);
      await rabbit.closeConnections();
      expect(await working).toBeLessThan(10_000);
    }
  });

  it("keeps what was published over stop_app and start_app", async () => {
    const on = await queue();
    const kept = [queueMessage(), queueMessage(), queueMessage()];
    await on.publish(kept);
    const consumer = await consume(on);
    const first = await consumer.receive(never);
    await rabbit.call("rabbit", "stop");
    await expect(on.publish([queueMessage()])).rejects.toMatchObject({
      kind: "unavailable",
      retryAfterMs: expect.any(Number),
    });
    await expect(on.check()).rejects.toMatchObject({ kind: "unavailable" });
    await expect(first?.ack()).rejects.toMatchObject({ kind: "unavailable" });
    await rabbit.call("rabbit", "start");
    expect(await take(consumer, 3)).toEqual(new Set(kept.map(({ taskId }) => taskId)));
    expect(await untilItWorks(on, consumer)).toBeLessThan(10_000);
    await on.check();
  });

  it("keeps what was confirmed over a kill -9 of the broker", async () => {
    const on = await queue();
    const kept = [queueMessage(), queueMessage(), queueMessage()];
    await on.publish(kept);
    const consumer = await consume(on);
    // RabbitMQ 3.10 loses a quorum queue, and for good, that is younger than that when it is killed.
    await pause(3000);
    await rabbit.kill();
    await expect(on.publish([queueMessage()])).rejects.toMatchObject({ kind: "unavailable" });
    await rabbit.start();
    expect(await take(consumer, 3)).toEqual(new Set(kept.map(({ taskId }) => taskId)));
  }, 120_000);

  it("begins while others begin: many declare the same queues in the same moment", async () => {
    await queue();
    const processes = await Promise.all(Array.from({ length: 6 }, () => queueOf()));
    for (let round = 0; round < 3; round++) {
      const options = { queues: [`fresh-${round}`], prefetch: 1 };
      await Promise.all(
        processes.flatMap((on, index) => [
          on.publish([queueMessage({ queue: `fresh-${round}` })]),
          on.consume({ ...options, workerId: `w${index}-${round}` }),
        ]),
      );
    }
  });

  it("declares a queue again that somebody has deleted, and consumes from it", async () => {
    const on = await queue();
    const consumer = await consume(on);
    expect(await consumer.receive(AbortSignal.timeout(50))).toBeUndefined();
    await untilItWorks(on, consumer);
    await onChannel((channel) => channel.deleteQueue(`${prefix}.queue.${NORMAL}`));
    expect(await untilItWorks(on, consumer)).toBeLessThan(10_000);
  });

  it("declares everything again that somebody has deleted", async () => {
    const on = await queue();
    const consumer = await consume(on);
    await untilItWorks(on, consumer);
    await rabbit.drop(prefix);
    expect(await untilItWorks(on, consumer)).toBeLessThan(10_000);
  });

  it.each([
    ["disk", "rabbit_disk_monitor", "set_disk_free_limit", '["900000GB"]', '["1MB"]'],
    ["memory", "vm_memory_monitor", "set_vm_memory_high_watermark", "[0]", "[0.6]"],
  ])("refuses within two seconds under a %s alarm, with the reason", async (alarm, ...call) => {
    const [module = "", name = "", raise, clear] = call;
    const on = await queue();
    const consumer = await consume(on);
    await on.publish([queueMessage()]);
    await rabbit.call(module, name, raise);
    try {
      await expect.poll(() => rabbit.call("rabbit_alarm", "get_alarms")).toContain(alarm);
      const startedAt = performance.now();
      const failure = { kind: "unavailable", reason: "RABBITMQ_BLOCKED" };
      await expect(on.publish([queueMessage()])).rejects.toMatchObject(failure);
      await expect(on.publish([queueMessage()])).rejects.toThrow(`low on ${alarm}`);
      expect(performance.now() - startedAt).toBeLessThan(2500);
      // Acks go over another connection, and take work off the broker.
      await (await consumer.receive(never))?.ack();
      await on.check();
    } finally {
      await rabbit.call(module, name, clear);
    }
    expect(await untilItWorks(on, consumer)).toBeLessThan(10_000);
  });

  it("refuses within two seconds when the broker stalls, and goes on when it answers again", async () => {
    const between = await proxy();
    const on = await queue(`amqp://127.0.0.1:${between.port}`);
    const consumer = await consume(on);
    await untilItWorks(on, consumer);
    between.stall();
    const startedAt = performance.now();
    await expect(on.publish([queueMessage()])).rejects.toMatchObject({ kind: "unavailable" });
    expect(performance.now() - startedAt).toBeLessThan(2500);
    between.heal();
    expect(await untilItWorks(on, consumer)).toBeLessThan(10_000);
  });

  it("loses nothing when replies and deliveries are swallowed", async () => {
    const between = await proxy();
    const there = await queue(`amqp://127.0.0.1:${between.port}`);
    const here = await queueOf();
    const consumer = await consume(there);
    await untilItWorks(there, consumer);
    const receiving = consumer.receive(never);
    between.swallowReplies();
    const messages = Array.from({ length: 5 }, () => queueMessage());
    await here.publish(messages);
    await expect.poll(() => warnings.length, { timeout: 20_000 }).toBeGreaterThan(0);
    between.heal();
    const first = await receiving;
    await first?.ack();
    const rest = await take(consumer, 4);
    expect(rest.add(first?.message.taskId ?? "")).toEqual(
      new Set(messages.map(({ taskId }) => taskId)),
    );
    await expect
      .poll(() => here.depth(QUEUE))
      .toMatchObject({ pendingCount: 0, unsettledCount: 0 });
  });

  it("finds what the broker has stopped to push, and goes on with what comes after", async () => {
    const on = await queue();
    const consumer = await consume(on);
    await on.publish([queueMessage()]);
    await take(consumer, 1);
    const both = take(consumer, 2);
    const levels = `Q <- rabbit_amqqueue:list(), case amqqueue:get_name(Q) of {resource, _, queue, <<"${prefix}.queue.", _/binary>>} -> true; _ -> false end`;
    const consumers = `{ok, {_, All}, _} = ra:local_query(amqqueue:get_pid(Q), fun rabbit_fifo:query_consumers/1)`;
    await expect
      .poll(() =>
        rabbit.evaluate(`lists:sum([begin ${consumers}, maps:size(All) end || ${levels}])`),
      )
      .toBe("{ok, 4}");
    // As a queue that has lost its consumers and told nobody.
    await rabbit.evaluate(
      `[begin ${consumers}, [ra:process_command(amqqueue:get_pid(Q), rabbit_fifo:make_checkout(Key, cancel, #{})) || Key <- maps:keys(All)] end || ${levels}], ok`,
    );
    // The first one is found by a look, and ends the consumer here; the second one is to be asked for.
    await on.publish([queueMessage(), queueMessage()]);
    await both;
  }, 20_000);

  it("gives a dead consumer's deliveries to others, marked as redelivered", async () => {
    const between = await proxy();
    const dying = await consume(await queue(`amqp://127.0.0.1:${between.port}`), "dying");
    const here = await queueOf();
    const message = queueMessage({ preferredWorkerId: "dying" });
    const receiving = dying.receive(never);
    await here.publish([message]);
    await receiving;
    const heir = await consume(here, "heir");
    between.refuse();
    expect((await heir.receive(never))?.message.taskId).toBe(message.taskId);
  });

  it("delivers again what is not settled within the broker's consumer_timeout, and goes on", async () => {
    const on = await queue();
    const consumer = await consume(on);
    const message = queueMessage();
    await on.publish([message]);
    const first = await consumer.receive(never);
    const again = await consumer.receive(never);
    expect(again?.message.taskId).toBe(message.taskId);
    expect(again?.redelivered).toBe(true);
    await again?.ack();
    await expect(first?.ack()).rejects.toMatchObject({ kind: "unavailable" });
    expect(await untilItWorks(on, consumer)).toBeLessThan(10_000);
  });

  it("is not sent five times what an idle consumer has slots for", async () => {
    const on = await queue();
    const consumer = await on.consume({ queues: [QUEUE], workerId: "w1", prefetch: 100 });
    expect(await consumer.receive(AbortSignal.timeout(200))).toBeUndefined();
    const counted = (): Promise<string> =>
      rabbit.evaluate(
        'Counts = [proplists:get_value(prefetch_count, C) || C <- rabbit_amqqueue:consumers_all(<<"/">>)], {length(Counts), lists:sum(Counts)}',
      );
    // A quarter for each level, and all for what prefers it.
    await expect.poll(counted).toContain("{5, 200}");
  });

  it("sets unreadable messages aside and goes on with the next", async () => {
    const on = await queue();
    const consumer = await consume(on);
    await untilItWorks(on, consumer);
    const content = Buffer.from("nonsense");
    await onChannel(async (channel) => channel.publish(`${prefix}.tasks`, NORMAL, content));
    expect(await untilItWorks(on, consumer)).toBeLessThan(10_000);
    await expect.poll(() => on.depth(QUEUE)).toMatchObject({ deadLetteredCount: 1 });
    expect(warnings.join()).toContain("unreadable");
  });

  it("lets operators bind queues of their own to the routing keys", async () => {
    const on = await queue();
    const consumer = await consume(on);
    await onChannel(async (channel) => {
      const { queue: audit } = await channel.assertQueue(`${prefix}.audit`);
      await channel.bindQueue(audit, `${prefix}.tasks`, "agent.#");
      await untilItWorks(on, consumer);
      expect(await channel.get(audit)).not.toBe(false);
    });
  });

  it("declares a deleted queue again, without a worker, though an operator's queue takes all messages", async () => {
    const on = await queue();
    await on.publish([queueMessage()]);
    await onChannel(async (channel) => {
      const { queue: audit } = await channel.assertQueue(`${prefix}.audit`);
      await channel.bindQueue(audit, `${prefix}.tasks`, "agent.#");
      await channel.deleteQueue(`${prefix}.queue.${NORMAL}`);
    });
    const pendingCount = async (): Promise<number> => {
      await on.publish([queueMessage()]);
      return (await on.depth(QUEUE)).pendingCount;
    };
    await expect.poll(pendingCount, { timeout: 15_000, interval: 250 }).toBeGreaterThan(0);
  });

  it("refuses a queue of the same name with other settings, and says what to do", async () => {
    const on = await queue();
    await on.publish([queueMessage()]);
    const other = await queueOf(rabbit.url, "classic");
    await expect(other.publish([queueMessage()])).rejects.toMatchObject({
      kind: "failed_precondition",
      message: expect.stringContaining("RABBITMQ_QUEUE_TYPE"),
    });
    await on.publish([queueMessage()]);
  });

  it("leaves no connection behind", async () => {
    const on = await queue();
    const consumer = await consume(on);
    await untilItWorks(on, consumer);
    await on.stop();
    const count = (): Promise<string> => rabbit.evaluate("length(rabbit_networking:connections())");
    await expect.poll(count).toContain("0");
  });

  describe("at the start", () => {
    it.each([
      ["a wrong password", "amqp://guest:secret@", "", "refuses the user name or password"],
      ["a missing vhost", "amqp://", "/nowhere", "no such vhost"],
    ])("says what is wrong with %s, without the password", async (_, head, tail, text) => {
      const url = `${head}127.0.0.1:${rabbit.port}${tail}`;
      await expect(queue(url)).rejects.toThrow(text);
      const error = await queue(url).catch((reason: unknown) => reason);
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("secret");
    });

    it("says where nothing listens", async () => {
      await expect(queue("amqp://127.0.0.1:1")).rejects.toThrow(
        /127\.0\.0\.1:1 does not answer: .*ECONNREFUSED/,
      );
    });

    it("refuses a server that is too old, and one that is no RabbitMQ", () => {
      checkServer({ product: "RabbitMQ", version: "3.10.8" });
      checkServer({ product: "RabbitMQ", version: "4.0.5" });
      expect(() => checkServer({ product: "RabbitMQ", version: "3.9.27" })).toThrow(
        "3.10 or newer",
      );
      expect(() => checkServer({ product: "Qpid", version: "9.0" })).toThrow("not RabbitMQ");
    });

    it("works with the least privileges that the documentation names, and says what is missing", async () => {
      prefix = newRabbitPrefix();
      const mine = `^${prefix}\\\\.`;
      const permit = (configure: string): Promise<string> =>
        rabbit.evaluate(
          `rabbit_auth_backend_internal:set_permissions(<<"agent">>, <<"lane">>, <<"${configure}">>, <<"${mine}">>, <<"${mine}">>, <<"test">>)`,
        );
      await rabbit.evaluate('rabbit_vhost:add(<<"lane">>, <<"test">>)');
      await rabbit.evaluate(
        'rabbit_auth_backend_internal:add_user(<<"agent">>, <<"secret">>, <<"test">>)',
      );
      await permit("^$");
      const url = `amqp://agent:secret@127.0.0.1:${rabbit.port}/lane`;
      await expect(queueOf(url)).rejects.toMatchObject({ reason: "RABBITMQ_NO_PERMISSION" });
      await permit(mine);
      const on = await queueOf(url);
      const consumer = await consume(on);
      expect(await untilItWorks(on, consumer)).toBeLessThan(10_000);
      await on.publish([queueMessage({ preferredWorkerId: "gone" })]);
      await take(consumer, 1);
      await on.depth(QUEUE);
      const bus = createRabbitEventBus({
        ...{ url, prefix, clock: systemClock, random: systemRandom },
        newId: uuidV7(systemClock),
      });
      await bus.start();
      opened.push(bus);
      await bus.subscribe("task/default/t1", () => undefined);
    });
  });
});
