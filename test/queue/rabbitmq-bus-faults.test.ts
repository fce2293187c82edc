/** What does the bus on RabbitMQ do while the broker is away, frozen or under an alarm, and after it? */
import { connect } from "amqplib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { uuidV7 } from "../../src/ids.ts";
import type { EventBus } from "../../src/queue/contract.ts";
import { createRabbitEventBus } from "../../src/queue/rabbitmq/bus.ts";
import { startTcpProxy, type TcpProxy } from "../fakes/tcp-proxy.ts";
import { entriesNotice } from "../harness/builders.ts";
import {
  hasRabbit,
  newRabbitPrefix,
  type RabbitServer,
  startRabbit,
} from "../harness/rabbitmq-server.ts";

const TOPIC = "task/default/t1";
/** Longer than a caller waits for a binding, shorter than a connection lasts without an answer. */
const LIMIT_MS = 3000;

describe.skipIf(!hasRabbit)("the RabbitMQ bus", () => {
  let rabbit: RabbitServer;
  let prefix = "";
  let between: TcpProxy;
  let bus: EventBus;
  let warnings: string[] = [];

  beforeAll(async () => {
    rabbit = await startRabbit();
  }, 120_000);
  afterAll(() => rabbit?.stop());

  beforeEach(async () => {
    prefix = newRabbitPrefix();
    warnings = [];
    between = await startTcpProxy(rabbit.port);
    bus = createRabbitEventBus({
      url: `amqp://127.0.0.1:${between.port}`,
      prefix,
      clock: systemClock,
      random: systemRandom,
      newId: uuidV7(systemClock),
      onWarning: (message) => void warnings.push(message),
    });
    await bus.start();
  });
  afterEach(async () => {
    await bus.stop();
    await between.stop();
    await rabbit.drop(prefix);
  });

  /** Resolves when a notice published from now on has come back. */
  async function hears(topic = TOPIC): Promise<void> {
    let isHeard = false;
    const subscription = await bus.subscribe(topic, () => {
      isHeard = true;
    });
    const publishUntilHeard = (): boolean => {
      bus.publish(topic, entriesNotice("t1", 1, "hello"));
      return isHeard;
    };
    await expect.poll(publishUntilHeard, { timeout: 10_000 }).toBe(true);
    subscription.close();
  }

  async function underAlarm(work: () => Promise<void>): Promise<void> {
    const limitDisk = (limit: string) =>
      rabbit.call("rabbit_disk_monitor", "set_disk_free_limit", `["${limit}"]`);
    await limitDisk("900000GB");
    try {
      await expect.poll(() => rabbit.call("rabbit_alarm", "get_alarms")).toContain("disk");
      await work();
    } finally {
      await limitDisk("1MB");
      await expect.poll(() => rabbit.call("rabbit_alarm", "get_alarms")).toBe("[]");
    }
  }

  it("brings notices again after an alarm, to those who listened before and to others", async () => {
    let heardCount = 0;
    await bus.subscribe(TOPIC, () => {
      heardCount++;
    });
    await hears();
    await underAlarm(async () => {
      const isRefused = async (): Promise<boolean> => {
        bus.publish(TOPIC, entriesNotice("t1", 2, "under the alarm"));
        const { close } = await bus.subscribe(`${TOPIC}${Math.random()}`, () => undefined);
        close();
        return false;
      };
      const refused = expect.poll(() => isRefused().catch((error) => error), { timeout: 10_000 });
      await refused.toMatchObject({ kind: "unavailable", reason: "RABBITMQ_BLOCKED" });
    });
    const before = heardCount;
    await hears();
    await hears("task/default/t2");
    expect(heardCount).toBeGreaterThan(before);
    expect(warnings, "an alarm costs no connection").toEqual([]);
  });

  it("refuses a subscription within two seconds while the broker answers nothing, and goes on after", async () => {
    await hears();
    between.stall();
    try {
      const startedAt = performance.now();
      await expect(bus.subscribe("task/default/t3", () => undefined)).rejects.toMatchObject({
        kind: "unavailable",
      });
      expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS);
    } finally {
      between.heal();
    }
    await hears("task/default/t3");
  });

  it("hears notices again after it lost its connection or its queue, and ignores what is none", async () => {
    await hears();
    const model = await connect(rabbit.url);
    try {
      const channel = await model.createConfirmChannel();
      for (let shard = 0; shard < 128; shard++) {
        channel.publish(`${prefix}.events`, `${shard}`, Buffer.from("x"));
      }
      await channel.waitForConfirms();
    } finally {
      await model.close();
    }
    await expect.poll(() => warnings.join()).toContain("unreadable notice");
    let heardCount = 0;
    await bus.subscribe(TOPIC, () => {
      heardCount++;
    });
    const hearsStill = async (): Promise<void> => {
      const before = heardCount;
      const publishUntilHeard = (): number => {
        bus.publish(TOPIC, entriesNotice("t1", 1, "hello"));
        return heardCount;
      };
      await expect.poll(publishUntilHeard, { timeout: 10_000 }).toBeGreaterThan(before);
    };
    await rabbit.closeConnections();
    await hearsStill();
    await rabbit.drop(`${prefix}.bus`);
    await hearsStill();
  });
});
