/** What every adapter of the MessageQueue seam does. An adapter's test calls it with one line. */
import { getEventListeners } from "node:events";
import { equals } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type QueueMessage, QueueMessageSchema } from "../../gen/agentlane/store/v1/record_pb.js";
import { Priority } from "../../gen/agentlane/v1/task_pb.js";
import type { Consumer, Delivery, MessageQueue } from "../../src/queue/contract.ts";
import { QUEUE, queueMessage } from "../harness/builders.ts";

export interface QueueOverrides {
  readonly maxLength?: number;
  readonly ageingMs?: number;
}

/** A broker for one test: empty at first, gone after `dispose`, which also looks for leaks. */
export interface QueueFixture {
  /** What tests count time in; a real server takes a few milliseconds, a fake clock anything. */
  readonly unitMs: number;
  /** A started queue; several share the broker where processes could. */
  make(overrides?: QueueOverrides): Promise<MessageQueue>;
  /** Lets at least that much of the broker's time pass. */
  advance(byMs: number): Promise<void>;
  dispose(): Promise<void>;
}

export function queueConformance(name: string, makeFixture: () => Promise<QueueFixture>): void {
  describe(`${name} as a MessageQueue`, () => {
    let fixture: QueueFixture;
    let queue: MessageQueue;

    beforeEach(async () => {
      fixture = await makeFixture();
      queue = await fixture.make();
    });
    afterEach(() => fixture.dispose());

    const never = new AbortController().signal;

    function consume(overrides: Partial<Parameters<MessageQueue["consume"]>[0]> = {}) {
      return queue.consume({ queues: [QUEUE], workerId: "w1", prefetch: 1000, ...overrides });
    }

    async function next(consumer: Consumer): Promise<Delivery> {
      const delivery = await consumer.receive(never);
      if (!delivery) throw new Error("the consumer is closed");
      return delivery;
    }

    async function take(consumer: Consumer, count: number): Promise<string[]> {
      const taskIds: string[] = [];
      while (taskIds.length < count) {
        const delivery = await next(consumer);
        taskIds.push(delivery.message.taskId);
        await delivery.ack();
      }
      return taskIds;
    }

    /** What a consumer gets within a unit of time; undefined when it gets nothing. */
    async function glance(consumer: Consumer): Promise<Delivery | undefined> {
      const controller = new AbortController();
      const receiving = consumer.receive(controller.signal);
      await fixture.advance(fixture.unitMs);
      controller.abort();
      return receiving;
    }

    function ids(messages: readonly QueueMessage[]): string[] {
      return messages.map(({ taskId }) => taskId);
    }

    function several(count: number, priority = Priority.NORMAL): QueueMessage[] {
      return Array.from({ length: count }, () => queueMessage({ priority }));
    }

    describe("publish and receive", () => {
      it("delivers a message as it was published", async () => {
        const message = queueMessage({
          priority: Priority.HIGH,
          traceHeaders: { traceparent: "00-1-2-01" },
          preferredWorkerId: "elsewhere",
          publishedAt: { seconds: 1_800_000_000n, nanos: 5_000_000 },
        });
        await queue.publish([message]);
        const delivery = await next(await consume());
        expect(equals(QueueMessageSchema, delivery.message, message)).toBe(true);
        expect(delivery.redelivered).toBe(false);
      });

      it("lets a receive wait for a publish", async () => {
        const receiving = (await consume()).receive(never);
        const message = queueMessage();
        await queue.publish([message]);
        expect((await receiving)?.message.taskId).toBe(message.taskId);
      });

      it("takes a batch in its order", async () => {
        const messages = several(20);
        await queue.publish(messages);
        expect(await take(await consume(), 20)).toEqual(ids(messages));
      });

      it("takes an empty batch", async () => {
        await queue.publish([]);
        expect((await queue.depth(QUEUE)).pendingCount).toBe(0);
      });

      it("gives each message to exactly one of many waiting calls", async () => {
        const first = await consume();
        const second = await consume({ workerId: "w2" });
        const receiving = Array.from({ length: 20 }, (_, index) => {
          return next(index % 2 === 0 ? first : second);
        });
        const messages = several(20);
        await queue.publish(messages);
        const received = (await Promise.all(receiving)).map(({ message }) => message.taskId);
        expect(received.sort()).toEqual(ids(messages).sort());
      });

      it("keeps queues apart", async () => {
        const here = queueMessage({ queue: "here" });
        const there = queueMessage({ queue: "there" });
        await queue.publish([there, here]);
        const consumer = await consume({ queues: ["here"] });
        expect((await next(consumer)).message.taskId).toBe(here.taskId);
        expect(await glance(consumer)).toBeUndefined();
      });

      it("serves a consumer of several queues from all of them, the most urgent first", async () => {
        const low = queueMessage({ queue: "one", priority: Priority.LOW });
        const high = queueMessage({ queue: "two", priority: Priority.HIGH });
        await queue.publish([low, high]);
        const consumer = await consume({ queues: ["one", "two"] });
        expect(await take(consumer, 2)).toEqual([high.taskId, low.taskId]);
      });

      it("refuses what exceeds its length, and takes more once there is room", async () => {
        const small = await fixture.make({ maxLength: 3 });
        const messages = several(3);
        await small.publish(messages);
        await expect(small.publish([queueMessage()])).rejects.toMatchObject({
          kind: "resource_exhausted",
          reason: "QUEUE_FULL",
          retryAfterMs: expect.any(Number),
        });
        const consumer = await small.consume({ queues: [QUEUE], workerId: "w1", prefetch: 10 });
        expect(await take(consumer, 1)).toEqual([messages[0]?.taskId]);
        const later = queueMessage();
        await small.publish([later]);
        expect(await take(consumer, 3)).toEqual([...ids(messages.slice(1)), later.taskId]);
      });
    });

    describe("order", () => {
      it("is first in first out inside a priority", async () => {
        const messages = several(50);
        for (const message of messages) await queue.publish([message]);
        expect(await take(await consume(), 50)).toEqual(ids(messages));
      });

      it("is strict between priorities", async () => {
        const low = several(3, Priority.LOW);
        const normal = several(3, Priority.NORMAL);
        const high = several(3, Priority.HIGH);
        const urgent = several(3, Priority.URGENT);
        await queue.publish([...low, ...high, ...urgent, ...normal]);
        const expected = ids([...urgent, ...high, ...normal, ...low]);
        expect(await take(await consume(), 12)).toEqual(expected);
      });

      it("serves the lowest within four ageing intervals under a flood of the highest", async () => {
        const ageingMs = 10 * fixture.unitMs;
        queue = await fixture.make({ ageingMs });
        const consumer = await consume();
        await queue.publish(several(100, Priority.URGENT));
        const low = queueMessage({ priority: Priority.LOW });
        await queue.publish([low]);
        const served: string[] = [];
        for (let step = 0; step < 40; step++) {
          await queue.publish(several(10, Priority.URGENT));
          served.push(...(await take(consumer, 1)));
          await fixture.advance(fixture.unitMs);
        }
        expect(served).toContain(low.taskId);
        expect(served[0]).not.toBe(low.taskId);
      });
    });

    describe("settling", () => {
      it("forgets what is acked", async () => {
        await queue.publish([queueMessage()]);
        const consumer = await consume();
        await (await next(consumer)).ack();
        await consumer.close();
        expect(await glance(await consume())).toBeUndefined();
        expect(await queue.depth(QUEUE)).toMatchObject({ pendingCount: 0, unsettledCount: 0 });
      });

      it("brings what is nacked back at once, ahead of its priority, marked as redelivered", async () => {
        const [first, second] = several(2);
        await queue.publish([first, second].filter((message) => message !== undefined));
        const consumer = await consume();
        await (await next(consumer)).nack();
        const again = await next(consumer);
        expect(again.message.taskId).toBe(first?.taskId);
        expect(again.redelivered).toBe(true);
        await again.ack();
        const other = await next(consumer);
        expect(other.message.taskId).toBe(second?.taskId);
        expect(other.redelivered).toBe(false);
      });

      it("keeps a nacked message back for its delay", async () => {
        const delayed = queueMessage();
        await queue.publish([delayed]);
        const consumer = await consume();
        await (await next(consumer)).nack({ delayMs: 50 * fixture.unitMs });
        expect(await glance(consumer)).toBeUndefined();
        await fixture.advance(60 * fixture.unitMs);
        const again = await next(consumer);
        expect(again.message.taskId).toBe(delayed.taskId);
        expect(again.redelivered).toBe(true);
      });

      it("lets others pass a delayed message", async () => {
        await queue.publish([queueMessage()]);
        const consumer = await consume();
        await (await next(consumer)).nack({ delayMs: 100 * fixture.unitMs });
        const other = queueMessage();
        await queue.publish([other]);
        expect(await take(consumer, 1)).toEqual([other.taskId]);
      });

      it("does nothing when a delivery is settled twice", async () => {
        await queue.publish([queueMessage()]);
        const consumer = await consume();
        const delivery = await next(consumer);
        await delivery.ack();
        await delivery.nack();
        await delivery.ack();
        expect(await glance(consumer)).toBeUndefined();
        expect(await queue.depth(QUEUE)).toMatchObject({ pendingCount: 0, unsettledCount: 0 });
      });

      it("holds at most prefetch unsettled deliveries", async () => {
        await queue.publish(several(3));
        const consumer = await consume({ prefetch: 2 });
        const first = await next(consumer);
        await next(consumer);
        const third = consumer.receive(never);
        await fixture.advance(fixture.unitMs);
        expect(await queue.depth(QUEUE)).toMatchObject({ pendingCount: 1, unsettledCount: 2 });
        await first.ack();
        expect(await third).toBeDefined();
      });

      it("returns unsettled deliveries in order when a consumer closes", async () => {
        const messages = several(4);
        await queue.publish(messages);
        const consumer = await consume();
        await (await next(consumer)).ack();
        await next(consumer);
        await next(consumer);
        await consumer.close();
        const other = await consume({ workerId: "w2" });
        const again = await next(other);
        expect(again.message.taskId).toBe(messages[1]?.taskId);
        expect(again.redelivered).toBe(true);
        expect(await take(other, 2)).toEqual(ids(messages.slice(2)));
      });

      it("ignores an ack that comes after the close", async () => {
        const message = queueMessage();
        await queue.publish([message]);
        const consumer = await consume();
        const delivery = await next(consumer);
        await consumer.close();
        await delivery.ack();
        expect(await take(await consume({ workerId: "w2" }), 1)).toEqual([message.taskId]);
      });
    });

    describe("abort and close", () => {
      it("resolves with undefined on a signal that is aborted already", async () => {
        await queue.publish([queueMessage()]);
        expect(await (await consume()).receive(AbortSignal.abort())).toBeUndefined();
        expect((await queue.depth(QUEUE)).pendingCount).toBe(1);
      });

      it("resolves a waiting receive with undefined on abort, and loses nothing", async () => {
        const consumer = await consume();
        const controller = new AbortController();
        const receiving = consumer.receive(controller.signal);
        controller.abort();
        expect(await receiving).toBeUndefined();
        const message = queueMessage();
        await queue.publish([message]);
        expect(await take(consumer, 1)).toEqual([message.taskId]);
      });

      it("leaves no abort listener behind, whatever ended the receive", async () => {
        const consumer = await consume();
        const { signal } = new AbortController();
        const delivered = consumer.receive(signal);
        await queue.publish([queueMessage()]);
        await delivered;
        expect(getEventListeners(signal, "abort")).toHaveLength(0);
        const closed = consumer.receive(signal);
        await consumer.close();
        await closed;
        expect(getEventListeners(signal, "abort")).toHaveLength(0);
      });

      it("resolves waiting receives with undefined when the consumer closes", async () => {
        const consumer = await consume();
        const receiving = [consumer.receive(never), consumer.receive(never)];
        await consumer.close();
        expect(await Promise.all(receiving)).toEqual([undefined, undefined]);
        expect(await consumer.receive(never)).toBeUndefined();
      });

      it("may close a consumer twice", async () => {
        const message = queueMessage();
        await queue.publish([message]);
        const consumer = await consume();
        await next(consumer);
        await Promise.all([consumer.close(), consumer.close()]);
        await consumer.close();
        expect((await queue.depth(QUEUE)).pendingCount).toBe(1);
      });
    });

    describe("preferred worker", () => {
      it("gets the message first while it receives", async () => {
        const other = (await consume({ workerId: "other" })).receive(never);
        const preferred = (await consume({ workerId: "preferred" })).receive(never);
        const message = queueMessage({ preferredWorkerId: "preferred" });
        await queue.publish([message]);
        expect((await preferred)?.message.taskId).toBe(message.taskId);
        const rest = queueMessage();
        await queue.publish([rest]);
        expect((await other)?.message.taskId).toBe(rest.taskId);
      });

      it("is passed over when it is not there", async () => {
        const other = (await consume({ workerId: "other" })).receive(never);
        await queue.publish([queueMessage({ preferredWorkerId: "gone" })]);
        expect(await other).toBeDefined();
      });

      it("is passed over when it is busy", async () => {
        const preferred = await consume({ workerId: "preferred", prefetch: 1 });
        await queue.publish([queueMessage()]);
        await next(preferred);
        void preferred.receive(never);
        const other = (await consume({ workerId: "other" })).receive(never);
        await queue.publish([queueMessage({ preferredWorkerId: "preferred" })]);
        expect(await other).toBeDefined();
      });
    });

    describe("figures", () => {
      it("are zeros for a queue that does not exist", async () => {
        expect(await queue.depth("nobody")).toEqual({
          pendingCount: 0,
          pendingByPriority: new Map(),
          unsettledCount: 0,
          deadLetteredCount: 0,
          oldestPublishedAt: undefined,
        });
      });

      it("count what waits by priority, and what is unsettled", async () => {
        await queue.publish([...several(2, Priority.LOW), ...several(3, Priority.HIGH)]);
        await next(await consume());
        const depth = await queue.depth(QUEUE);
        expect(depth).toMatchObject({ pendingCount: 4, unsettledCount: 1, deadLetteredCount: 0 });
        expect(depth.pendingByPriority.get(Priority.LOW)).toBe(2);
        expect(depth.pendingByPriority.get(Priority.HIGH)).toBe(2);
      });

      it("name the oldest waiting message", async () => {
        await queue.publish(several(1));
        const { oldestPublishedAt: firstAt = 0 } = await queue.depth(QUEUE);
        await fixture.advance(10 * fixture.unitMs);
        await queue.publish(several(1, Priority.URGENT));
        const consumer = await consume();
        expect((await queue.depth(QUEUE)).oldestPublishedAt).toBe(firstAt);
        await take(consumer, 2);
        expect((await queue.depth(QUEUE)).oldestPublishedAt).toBeUndefined();
      });

      it("show that a waiting consumer polls", async () => {
        const consumer = await consume();
        const before = consumer.lastPolledAt();
        await fixture.advance(10 * fixture.unitMs);
        await glance(consumer);
        await queue.publish(several(1));
        await next(consumer);
        expect(consumer.lastPolledAt()).toBeGreaterThan(before);
      });
    });

    describe("life", () => {
      it("may be started and stopped twice", async () => {
        await queue.start();
        await queue.stop();
        await queue.stop();
        await expect(queue.check()).rejects.toMatchObject({ kind: "unavailable" });
        await expect(queue.publish([queueMessage()])).rejects.toMatchObject({
          kind: "unavailable",
        });
        await queue.start();
        await queue.check();
      });

      it("ends waiting receives when it stops", async () => {
        const receiving = (await consume()).receive(never);
        await queue.stop();
        expect(await receiving).toBeUndefined();
      });

      it("keeps what was published over a stop", async () => {
        const messages = several(2);
        await queue.publish(messages);
        await next(await consume());
        await queue.stop();
        await queue.start();
        expect(await take(await consume(), 2)).toEqual(ids(messages));
      });
    });

    describe("under load", () => {
      it("loses and doubles nothing among consumers that nack, abort and close", async () => {
        const messages = several(300);
        const acked: string[] = [];
        let received = 0;
        const work = async (index: number): Promise<void> => {
          let consumer = await consume({ workerId: `w${index}`, prefetch: 3 });
          while (acked.length < messages.length) {
            const delivery = await glance(consumer);
            if (!delivery) continue;
            received++;
            if (received % 7 === 0) await delivery.nack();
            else if (received % 11 === 0) {
              await consumer.close();
              consumer = await consume({ workerId: `w${index}`, prefetch: 3 });
            } else {
              acked.push(delivery.message.taskId);
              await delivery.ack();
            }
          }
        };
        const working = Array.from({ length: 8 }, (_, index) => work(index));
        for (const message of messages) await queue.publish([message]);
        await Promise.all(working);
        expect(acked.sort()).toEqual(ids(messages).sort());
        expect(await queue.depth(QUEUE)).toMatchObject({ pendingCount: 0, unsettledCount: 0 });
      });

      it("loses nothing when an abort meets a publish", async () => {
        const consumer = await consume();
        const messages = several(50);
        const received: string[] = [];
        for (const message of messages) {
          const controller = new AbortController();
          const receiving = consumer.receive(controller.signal);
          const publishing = queue.publish([message]);
          controller.abort();
          await publishing;
          const delivery = await receiving;
          if (delivery) received.push(delivery.message.taskId);
          await delivery?.ack();
        }
        received.push(...(await take(consumer, messages.length - received.length)));
        expect(received.sort()).toEqual(ids(messages).sort());
      });
    });
  });
}
