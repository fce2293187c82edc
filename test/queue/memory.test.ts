import { describe, expect, it } from "vitest";
import { Priority } from "../../gen/agentlane/v1/task_pb.js";
import type { Consumer, MessageQueue } from "../../src/queue/contract.ts";
import { createMemoryEventBus } from "../../src/queue/memory/bus.ts";
import { createMemoryQueue } from "../../src/queue/memory/queue.ts";
import { busConformance } from "../conformance/bus-suite.ts";
import type { QueueOverrides } from "../conformance/queue/scene.ts";
import { queueConformance } from "../conformance/queue-suite.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import { QUEUE, queueMessage } from "../harness/builders.ts";

queueConformance("the memory queue", async () => {
  const clock = fakeClock();
  const made: MessageQueue[] = [];
  return {
    unitMs: 1000,
    async make(overrides: QueueOverrides = {}) {
      const queue = createMemoryQueue({ clock, ...overrides });
      await queue.start();
      made.push(queue);
      return queue;
    },
    advance: (byMs) => clock.advance(byMs),
    async dispose() {
      for (const queue of made) await queue.stop();
      expect(clock.timerCount).toBe(0);
    },
  };
});

busConformance("the memory bus", async () => {
  const bus = createMemoryEventBus();
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    async make() {
      await bus.start();
      return bus;
    },
    async until(arrived) {
      while (!arrived()) await settle();
    },
    settle,
    dispose: () => bus.stop(),
  };
});

describe("ageing in the memory queue", () => {
  const AGEING_MS = 15_000;

  async function open(): Promise<{
    clock: ReturnType<typeof fakeClock>;
    queue: MessageQueue;
    next: () => Promise<Priority | undefined>;
  }> {
    const clock = fakeClock();
    const queue = createMemoryQueue({ clock, ageingMs: AGEING_MS });
    await queue.start();
    const consumer: Consumer = await queue.consume({
      queues: [QUEUE],
      workerId: "w1",
      prefetch: 1,
    });
    const next = async (): Promise<Priority | undefined> => {
      const delivery = await consumer.receive(new AbortController().signal);
      await delivery?.ack();
      return delivery?.message.priority;
    };
    return { clock, queue, next };
  }

  it("raises a message by one level per interval", async () => {
    const { clock, queue, next } = await open();
    await queue.publish([queueMessage({ priority: Priority.LOW })]);
    await clock.advance(2 * AGEING_MS);
    await queue.publish([
      queueMessage({ priority: Priority.NORMAL }),
      queueMessage({ priority: Priority.URGENT }),
    ]);
    expect([await next(), await next(), await next()]).toEqual([
      Priority.URGENT,
      Priority.LOW,
      Priority.NORMAL,
    ]);
  });

  it("lets an urgent message take turns with a backlog of risen ones", async () => {
    const { clock, queue, next } = await open();
    const backlog = Array.from({ length: 50 }, () => queueMessage({ priority: Priority.LOW }));
    await queue.publish(backlog);
    await clock.advance(4 * AGEING_MS);
    await queue.publish([queueMessage({ priority: Priority.URGENT })]);
    expect([await next(), await next()]).toContain(Priority.URGENT);
  });

  it("counts a priority that it does not know as normal", async () => {
    const { queue, next } = await open();
    await queue.publish([
      queueMessage({ priority: Priority.LOW }),
      queueMessage({ priority: Priority.UNSPECIFIED }),
      queueMessage({ priority: Priority.HIGH }),
    ]);
    expect([await next(), await next(), await next()]).toEqual([
      Priority.HIGH,
      Priority.UNSPECIFIED,
      Priority.LOW,
    ]);
  });
});
