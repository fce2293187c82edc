import { afterAll, beforeAll, describe, expect } from "vitest";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { uuidV7 } from "../../src/ids.ts";
import type { EventBus, MessageQueue } from "../../src/queue/contract.ts";
import { createRabbitEventBus } from "../../src/queue/rabbitmq/bus.ts";
import { createRabbitQueue } from "../../src/queue/rabbitmq/queue.ts";
import type { QueueType } from "../../src/queue/rabbitmq/topology.ts";
import { busConformance } from "../conformance/bus-suite.ts";
import { queueConformance } from "../conformance/queue-suite.ts";
import { countingClock } from "../fakes/counting-clock.ts";
import {
  hasRabbit,
  newRabbitPrefix,
  type RabbitServer,
  startRabbit,
} from "../harness/rabbitmq-server.ts";

describe.skipIf(!hasRabbit)("RabbitMQ", () => {
  let server: RabbitServer;
  beforeAll(async () => {
    server = await startRabbit();
  });
  afterAll(() => server?.stop());

  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  describe.each<QueueType>(["quorum", "classic"])("with %s queues", (queueType) => {
    queueConformance("the RabbitMQ queue", async () => {
      const clock = countingClock();
      const prefix = newRabbitPrefix();
      const made: MessageQueue[] = [];
      return {
        unitMs: 25,
        async make(overrides) {
          const options = { url: server.url, prefix, queueType, clock, random: systemRandom };
          const queue = createRabbitQueue({ ...options, ...overrides });
          await queue.start();
          made.push(queue);
          return queue;
        },
        advance: (byMs) => pause(byMs + 1),
        async dispose() {
          for (const queue of made) await queue.stop();
          expect(clock.timerCount).toBe(0);
          await server.drop(prefix);
        },
      };
    });
  });

  busConformance("the RabbitMQ bus", async () => {
    const clock = countingClock();
    const newId = uuidV7(systemClock);
    const prefix = newRabbitPrefix();
    const options = { url: server.url, prefix, clock, random: systemRandom, newId };
    const made: EventBus[] = [];
    return {
      async make() {
        const bus = createRabbitEventBus(options);
        await bus.start();
        made.push(bus);
        return bus;
      },
      async until(arrived) {
        while (!arrived()) await pause(1);
      },
      settle: () => pause(50),
      async dispose() {
        for (const bus of made) await bus.stop();
        expect(clock.timerCount).toBe(0);
        await server.drop(prefix);
      },
    };
  });
});
