import { equals } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { QueueMessageSchema } from "../../../gen/agentlane/store/v1/record_pb.js";
import { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import { QUEUE, queueMessage } from "../../harness/builders.ts";
import { ids, never, type QueueScene, several } from "./scene.ts";

export function deliveryCases(scene: QueueScene): void {
  describe("publish and receive", () => {
    it("delivers a message as it was published", async () => {
      const message = queueMessage({
        priority: Priority.HIGH,
        traceHeaders: { traceparent: "00-1-2-01" },
        preferredWorkerId: "elsewhere",
        publishedAt: { seconds: 1_800_000_000n, nanos: 5_000_000 },
      });
      await scene.queue.publish([message]);
      const delivery = await scene.next(await scene.consume());
      expect(equals(QueueMessageSchema, delivery.message, message)).toBe(true);
      expect(delivery.redelivered).toBe(false);
    });

    it("lets a receive wait for a publish", async () => {
      const receiving = (await scene.consume()).receive(never);
      const message = queueMessage();
      await scene.queue.publish([message]);
      expect((await receiving)?.message.taskId).toBe(message.taskId);
    });

    it("takes a batch in its order", async () => {
      const messages = several(20);
      await scene.queue.publish(messages);
      expect(await scene.take(await scene.consume(), 20)).toEqual(ids(messages));
    });

    it("takes an empty batch", async () => {
      await scene.queue.publish([]);
      expect((await scene.queue.depth(QUEUE)).pendingCount).toBe(0);
    });

    it("gives each message to exactly one of many waiting calls", async () => {
      const first = await scene.consume();
      const second = await scene.consume({ workerId: "w2" });
      const receiving = Array.from({ length: 20 }, (_, index) => {
        return scene.next(index % 2 === 0 ? first : second);
      });
      const messages = several(20);
      await scene.queue.publish(messages);
      const received = (await Promise.all(receiving)).map(({ message }) => message.taskId);
      expect(received.sort()).toEqual(ids(messages).sort());
    });

    it("keeps queues apart", async () => {
      const here = queueMessage({ queue: "here" });
      const there = queueMessage({ queue: "there" });
      await scene.queue.publish([there, here]);
      const consumer = await scene.consume({ queues: ["here"] });
      expect((await scene.next(consumer)).message.taskId).toBe(here.taskId);
      expect(await scene.glance(consumer)).toBeUndefined();
    });

    it("serves a consumer of several queues from all of them, the most urgent first", async () => {
      const low = queueMessage({ queue: "one", priority: Priority.LOW });
      const high = queueMessage({ queue: "two", priority: Priority.HIGH });
      await scene.queue.publish([low, high]);
      const consumer = await scene.consume({ queues: ["one", "two"] });
      expect(await scene.take(consumer, 2)).toEqual([high.taskId, low.taskId]);
    });

    it("serves a consumer of several queues from each, under a flood of one", async () => {
      const consumer = await scene.consume({ queues: ["one", "two"], prefetch: 1 });
      const flood = (count: number) => {
        return scene.queue.publish(
          Array.from({ length: count }, () => queueMessage({ queue: "one" })),
        );
      };
      await flood(10);
      const other = queueMessage({ queue: "two" });
      await scene.queue.publish([other]);
      const served: string[] = [];
      for (let step = 0; step < 30 && !served.includes(other.taskId); step++) {
        await flood(2);
        served.push(...(await scene.take(consumer, 1)));
      }
      expect(served).toContain(other.taskId);
    });

    it("serves each of its queues also when the backlog of one has waited for long", async () => {
      await scene.renew({ ageingMs: scene.fixture.unitMs });
      const backlog = Array.from({ length: 40 }, () => queueMessage({ queue: "one" }));
      await scene.queue.publish(backlog);
      await scene.fixture.advance(10 * scene.fixture.unitMs);
      const other = queueMessage({ queue: "two", priority: Priority.URGENT });
      await scene.queue.publish([other]);
      const consumer = await scene.consume({ queues: ["one", "two"], prefetch: 1 });
      expect(await scene.take(consumer, 10)).toContain(other.taskId);
    });

    it("refuses what exceeds its length, and takes more once there is room", async () => {
      const small = await scene.fixture.make({ maxLength: 3 });
      const messages = several(3);
      await small.publish(messages);
      await expect(small.publish([queueMessage()])).rejects.toMatchObject({
        kind: "resource_exhausted",
        reason: "QUEUE_FULL",
        retryAfterMs: expect.any(Number),
      });
      const consumer = await small.consume({ queues: [QUEUE], workerId: "w1", prefetch: 10 });
      expect(await scene.take(consumer, 1)).toEqual([messages[0]?.taskId]);
      const later = queueMessage();
      await small.publish([later]);
      expect(await scene.take(consumer, 3)).toEqual([...ids(messages.slice(1)), later.taskId]);
    });
  });

  describe("order", () => {
    it("is first in first out inside a priority", async () => {
      const messages = several(50);
      for (const message of messages) await scene.queue.publish([message]);
      expect(await scene.take(await scene.consume(), 50)).toEqual(ids(messages));
    });

    it("is strict between priorities", async () => {
      const low = several(3, Priority.LOW);
      const normal = several(3, Priority.NORMAL);
      const high = several(3, Priority.HIGH);
      const urgent = several(3, Priority.URGENT);
      await scene.queue.publish([...low, ...high, ...urgent, ...normal]);
      const expected = ids([...urgent, ...high, ...normal, ...low]);
      expect(await scene.take(await scene.consume(), 12)).toEqual(expected);
    });

    it("serves the lowest within four ageing intervals under a flood of the highest", async () => {
      const ageingMs = 10 * scene.fixture.unitMs;
      await scene.renew({ ageingMs });
      const consumer = await scene.consume();
      await scene.queue.publish(several(100, Priority.URGENT));
      const low = queueMessage({ priority: Priority.LOW });
      await scene.queue.publish([low]);
      const served: string[] = [];
      for (let step = 0; step < 40; step++) {
        await scene.queue.publish(several(10, Priority.URGENT));
        served.push(...(await scene.take(consumer, 1)));
        await scene.fixture.advance(scene.fixture.unitMs);
      }
      expect(served).toContain(low.taskId);
      expect(served[0]).not.toBe(low.taskId);
    });
  });

  describe("settling", () => {
    it("forgets what is acked", async () => {
      await scene.queue.publish([queueMessage()]);
      const consumer = await scene.consume();
      await (await scene.next(consumer)).ack();
      await consumer.close();
      expect(await scene.glance(await scene.consume())).toBeUndefined();
      expect(await scene.queue.depth(QUEUE)).toMatchObject({ pendingCount: 0, unsettledCount: 0 });
    });

    it("brings what is nacked back at once, ahead of its priority, marked as redelivered", async () => {
      const [first, second] = several(2);
      await scene.queue.publish([first, second].filter((message) => message !== undefined));
      const consumer = await scene.consume();
      await (await scene.next(consumer)).nack();
      const again = await scene.next(consumer);
      expect(again.message.taskId).toBe(first?.taskId);
      expect(again.redelivered).toBe(true);
      await again.ack();
      const other = await scene.next(consumer);
      expect(other.message.taskId).toBe(second?.taskId);
      expect(other.redelivered).toBe(false);
    });

    it("keeps a nacked message back for its delay", async () => {
      const delayed = queueMessage();
      await scene.queue.publish([delayed]);
      const consumer = await scene.consume();
      await (await scene.next(consumer)).nack({ delayMs: 50 * scene.fixture.unitMs });
      expect(await scene.glance(consumer)).toBeUndefined();
      await scene.fixture.advance(60 * scene.fixture.unitMs);
      const again = await scene.next(consumer);
      expect(again.message.taskId).toBe(delayed.taskId);
      expect(again.redelivered).toBe(true);
    });

    it("lets others pass a delayed message", async () => {
      await scene.queue.publish([queueMessage()]);
      const consumer = await scene.consume();
      await (await scene.next(consumer)).nack({ delayMs: 100 * scene.fixture.unitMs });
      const other = queueMessage();
      await scene.queue.publish([other]);
      expect(await scene.take(consumer, 1)).toEqual([other.taskId]);
    });

    it("does nothing when a delivery is settled twice", async () => {
      await scene.queue.publish([queueMessage()]);
      const consumer = await scene.consume();
      const delivery = await scene.next(consumer);
      await delivery.ack();
      await delivery.nack();
      await delivery.ack();
      expect(await scene.glance(consumer)).toBeUndefined();
      expect(await scene.queue.depth(QUEUE)).toMatchObject({ pendingCount: 0, unsettledCount: 0 });
    });

    it("holds at most prefetch unsettled deliveries", async () => {
      await scene.queue.publish(several(3));
      const consumer = await scene.consume({ prefetch: 2 });
      const first = await scene.next(consumer);
      await scene.next(consumer);
      const third = consumer.receive(never);
      await scene.fixture.advance(scene.fixture.unitMs);
      expect(await scene.queue.depth(QUEUE)).toMatchObject({ pendingCount: 1, unsettledCount: 2 });
      await first.ack();
      expect(await third).toBeDefined();
    });

    it("returns unsettled deliveries in order when a consumer closes", async () => {
      const messages = several(4);
      await scene.queue.publish(messages);
      const consumer = await scene.consume();
      await (await scene.next(consumer)).ack();
      await scene.next(consumer);
      await scene.next(consumer);
      await consumer.close();
      const other = await scene.consume({ workerId: "w2" });
      const again = await scene.next(other);
      expect(again.message.taskId).toBe(messages[1]?.taskId);
      expect(again.redelivered).toBe(true);
      expect(await scene.take(other, 2)).toEqual(ids(messages.slice(2)));
    });

    it("ignores an ack that comes after the close", async () => {
      const message = queueMessage();
      await scene.queue.publish([message]);
      const consumer = await scene.consume();
      const delivery = await scene.next(consumer);
      await consumer.close();
      await delivery.ack();
      expect(await scene.take(await scene.consume({ workerId: "w2" }), 1)).toEqual([
        message.taskId,
      ]);
    });
  });
}
