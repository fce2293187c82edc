import { afterAll, beforeAll, describe, expect } from "vitest";
import type { Clock } from "../../src/clock.ts";
import { systemClock } from "../../src/clock.ts";
import { uuidV7 } from "../../src/ids.ts";
import type { EventBus, MessageQueue } from "../../src/queue/contract.ts";
import { createRedisEventBus } from "../../src/queue/redis/bus.ts";
import { createRedisQueue } from "../../src/queue/redis/queue.ts";
import { busConformance } from "../conformance/bus-suite.ts";
import type { QueueOverrides } from "../conformance/queue/scene.ts";
import { queueConformance } from "../conformance/queue-suite.ts";
import { countingClock } from "../fakes/counting-clock.ts";
import {
  connectionTo,
  dropKeys,
  hasRedis,
  newPrefix,
  sharedRedis,
} from "../harness/redis-server.ts";

describe.skipIf(!hasRedis)("Redis", () => {
  let server: Awaited<ReturnType<typeof sharedRedis>>;
  beforeAll(async () => {
    server = await sharedRedis();
  });
  afterAll(() => server.stop());

  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  function queueOn(prefix: string, clock: Clock, overrides: QueueOverrides = {}): MessageQueue {
    const newId = uuidV7(systemClock);
    const options = { connection: connectionTo(server.url, { clock }), prefix, clock, newId };
    return createRedisQueue({ ...options, ...overrides });
  }

  queueConformance("the Redis queue", async () => {
    const clock = countingClock();
    const prefix = newPrefix();
    const made: MessageQueue[] = [];
    return {
      unitMs: 5,
      async make(overrides) {
        const queue = queueOn(prefix, clock, overrides);
        await queue.start();
        made.push(queue);
        return queue;
      },
      advance: (byMs) => pause(byMs + 1),
      async dispose() {
        for (const queue of made) await queue.stop();
        expect(clock.timerCount).toBe(0);
        await dropKeys(server.url, prefix);
      },
    };
  });

  busConformance("the Redis bus", async () => {
    const clock = countingClock();
    const prefix = newPrefix();
    const made: EventBus[] = [];
    return {
      async make() {
        const bus = createRedisEventBus({
          connection: connectionTo(server.url, { clock }),
          prefix,
          clock,
        });
        await bus.start();
        made.push(bus);
        return bus;
      },
      async until(arrived) {
        while (!arrived()) await pause(1);
      },
      settle: () => pause(20),
      async dispose() {
        for (const bus of made) await bus.stop();
        expect(clock.timerCount).toBe(0);
      },
    };
  });
});
