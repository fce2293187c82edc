import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import { QUEUE, queueMessage } from "../../harness/builders.ts";
import { ids, never, type QueueScene, several } from "./scene.ts";

export function lifeCases(scene: QueueScene): void {
  describe("abort and close", () => {
    it("resolves with undefined on a signal that is aborted already", async () => {
      await scene.queue.publish([queueMessage()]);
      expect(await (await scene.consume()).receive(AbortSignal.abort())).toBeUndefined();
      expect((await scene.queue.depth(QUEUE)).pendingCount).toBe(1);
    });

    it("resolves a waiting receive with undefined on abort, and loses nothing", async () => {
      const consumer = await scene.consume();
      const controller = new AbortController();
      const receiving = consumer.receive(controller.signal);
      controller.abort();
      expect(await receiving).toBeUndefined();
      const message = queueMessage();
      await scene.queue.publish([message]);
      expect(await scene.take(consumer, 1)).toEqual([message.taskId]);
    });

    it("leaves no abort listener behind, whatever ended the receive", async () => {
      const consumer = await scene.consume();
      const { signal } = new AbortController();
      const delivered = consumer.receive(signal);
      await scene.queue.publish([queueMessage()]);
      await delivered;
      expect(getEventListeners(signal, "abort")).toHaveLength(0);
      const closed = consumer.receive(signal);
      await consumer.close();
      await closed;
      expect(getEventListeners(signal, "abort")).toHaveLength(0);
    });

    it("resolves waiting receives with undefined when the consumer closes", async () => {
      const consumer = await scene.consume();
      const receiving = [consumer.receive(never), consumer.receive(never)];
      await consumer.close();
      expect(await Promise.all(receiving)).toEqual([undefined, undefined]);
      expect(await consumer.receive(never)).toBeUndefined();
    });

    it("may close a consumer twice", async () => {
      const message = queueMessage();
      await scene.queue.publish([message]);
      const consumer = await scene.consume();
      await scene.next(consumer);
      await Promise.all([consumer.close(), consumer.close()]);
      await consumer.close();
      expect((await scene.queue.depth(QUEUE)).pendingCount).toBe(1);
    });
  });

  describe("preferred worker", () => {
    it("gets the message first while it receives", async () => {
      const other = (await scene.consume({ workerId: "other" })).receive(never);
      const preferred = (await scene.consume({ workerId: "preferred" })).receive(never);
      const message = queueMessage({ preferredWorkerId: "preferred" });
      await scene.queue.publish([message]);
      expect((await preferred)?.message.taskId).toBe(message.taskId);
      const rest = queueMessage();
      await scene.queue.publish([rest]);
      expect((await other)?.message.taskId).toBe(rest.taskId);
    });

    it("is passed over when it is not there", async () => {
      const other = (await scene.consume({ workerId: "other" })).receive(never);
      await scene.queue.publish([queueMessage({ preferredWorkerId: "gone" })]);
      expect(await other).toBeDefined();
    });

    it("is passed over when it is busy", async () => {
      const preferred = await scene.consume({ workerId: "preferred", prefetch: 1 });
      await scene.queue.publish([queueMessage()]);
      await scene.next(preferred);
      void preferred.receive(never);
      const other = (await scene.consume({ workerId: "other" })).receive(never);
      await scene.queue.publish([queueMessage({ preferredWorkerId: "preferred" })]);
      expect(await other).toBeDefined();
    });
  });

  describe("figures", () => {
    it("are zeros for a queue that does not exist", async () => {
      expect(await scene.queue.depth("nobody")).toEqual({
        pendingCount: 0,
        pendingByPriority: new Map(),
        unsettledCount: 0,
        deadLetteredCount: 0,
        oldestPublishedAt: undefined,
      });
    });

    it("count what waits by priority, and what is unsettled", async () => {
      await scene.queue.publish([...several(2, Priority.LOW), ...several(3, Priority.HIGH)]);
      await scene.next(await scene.consume());
      const depth = await scene.queue.depth(QUEUE);
      expect(depth).toMatchObject({ pendingCount: 4, unsettledCount: 1, deadLetteredCount: 0 });
      expect(depth.pendingByPriority.get(Priority.LOW)).toBe(2);
      expect(depth.pendingByPriority.get(Priority.HIGH)).toBe(2);
    });

    it("name the oldest waiting message", async () => {
      await scene.queue.publish(several(1));
      const { oldestPublishedAt: firstAt = 0 } = await scene.queue.depth(QUEUE);
      await scene.fixture.advance(10 * scene.fixture.unitMs);
      await scene.queue.publish(several(1, Priority.URGENT));
      const consumer = await scene.consume();
      expect((await scene.queue.depth(QUEUE)).oldestPublishedAt).toBe(firstAt);
      await scene.take(consumer, 2);
      expect((await scene.queue.depth(QUEUE)).oldestPublishedAt).toBeUndefined();
    });

    it("show that a waiting consumer polls", async () => {
      const consumer = await scene.consume();
      const before = consumer.lastPolledAt();
      await scene.fixture.advance(10 * scene.fixture.unitMs);
      await scene.glance(consumer);
      await scene.queue.publish(several(1));
      await scene.next(consumer);
      expect(consumer.lastPolledAt()).toBeGreaterThan(before);
    });
  });

  describe("life", () => {
    it("may be started and stopped twice", async () => {
      await scene.queue.start();
      await scene.queue.stop();
      await scene.queue.stop();
      await expect(scene.queue.check()).rejects.toMatchObject({ kind: "unavailable" });
      await expect(scene.queue.publish([queueMessage()])).rejects.toMatchObject({
        kind: "unavailable",
      });
      await scene.queue.start();
      await scene.queue.check();
    });

    it("ends waiting receives when it stops", async () => {
      const receiving = (await scene.consume()).receive(never);
      await scene.queue.stop();
      expect(await receiving).toBeUndefined();
    });

    it("keeps what was published over a stop", async () => {
      const messages = several(2);
      await scene.queue.publish(messages);
      await scene.next(await scene.consume());
      await scene.queue.stop();
      await scene.queue.start();
      expect(await scene.take(await scene.consume(), 2)).toEqual(ids(messages));
    });
  });

  describe("under load", () => {
    it("loses and doubles nothing among consumers that nack, abort and close", async () => {
      const messages = several(300);
      const acked: string[] = [];
      let received = 0;
      const work = async (index: number): Promise<void> => {
        let consumer = await scene.consume({ workerId: `w${index}`, prefetch: 3 });
        while (acked.length < messages.length) {
          const delivery = await scene.glance(consumer);
          if (!delivery) continue;
          received++;
          if (received % 7 === 0) await delivery.nack();
          else if (received % 11 === 0) {
            await consumer.close();
            consumer = await scene.consume({ workerId: `w${index}`, prefetch: 3 });
          } else {
            acked.push(delivery.message.taskId);
            await delivery.ack();
          }
        }
      };
      const working = Array.from({ length: 8 }, (_, index) => work(index));
      for (const message of messages) await scene.queue.publish([message]);
      await Promise.all(working);
      expect(acked.sort()).toEqual(ids(messages).sort());
      expect(await scene.queue.depth(QUEUE)).toMatchObject({ pendingCount: 0, unsettledCount: 0 });
    });

    it("loses nothing when an abort meets a publish", async () => {
      const consumer = await scene.consume();
      const messages = several(50);
      const received: string[] = [];
      for (const message of messages) {
        const controller = new AbortController();
        const receiving = consumer.receive(controller.signal);
        const publishing = scene.queue.publish([message]);
        controller.abort();
        await publishing;
        const delivery = await receiving;
        if (delivery) received.push(delivery.message.taskId);
        await delivery?.ack();
      }
      received.push(...(await scene.take(consumer, messages.length - received.length)));
      expect(received.sort()).toEqual(ids(messages).sort());
    });
  });
}
