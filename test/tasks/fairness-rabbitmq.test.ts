/** Tenants share through RabbitMQ too, whose queues know no tenants: counted in tasks, not in time. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { createRabbitQueue } from "../../src/queue/rabbitmq/queue.ts";
import { ANYBODY } from "../../src/tasks/principal.ts";
import type { TenantRule } from "../../src/tasks/tenant-policy.ts";
import { textOf, userMessage } from "../fakes/scripted-executor.ts";
import { type Engine, input, startEngine } from "../harness/engine.ts";
import {
  hasRabbit,
  newRabbitPrefix,
  type RabbitServer,
  startRabbit,
} from "../harness/rabbitmq-server.ts";

const SLOTS = 2;
const FLOOD_COUNT = 200;
/** Doorbells of a tenant of weight 1. */
const WINDOW = 4;

describe.skipIf(!hasRabbit)("beside a tenant that floods RabbitMQ", { timeout: 60_000 }, () => {
  let server: RabbitServer;
  let engine: Engine;
  const prefix = newRabbitPrefix();
  /** The tenants of the turns that have started, in order. */
  const started: string[] = [];
  const endings: (() => void)[] = [];
  let wake: () => void = () => undefined;

  beforeAll(async () => {
    server = await startRabbit();
  });
  afterEach(async () => {
    for (const end of endings.splice(0)) end();
    await engine.stop();
    await server.drop(prefix);
    started.length = 0;
  });
  afterAll(() => server?.stop());

  async function start(rules: Record<string, TenantRule> | undefined): Promise<void> {
    const common = { url: server.url, prefix, clock: systemClock, random: systemRandom };
    engine = await startEngine({
      queue: createRabbitQueue({ ...common, queueType: "classic" }),
      ...(rules && { policy: { ruleOf: (tenant: string) => rules[tenant] } }),
      worker: { slots: SLOTS },
      script: async ({ messages }) => {
        started.push(textOf(messages));
        wake();
        await new Promise<void>((resolve) => endings.push(resolve));
        return {};
      },
    });
  }

  async function submit(tenant: string): Promise<void> {
    const turn = input({ sessionId: "", messages: [userMessage(tenant)] });
    await engine.manager.submit({ ...ANYBODY, tenant }, turn, {
      streaming: false,
      deadlineInMs: undefined,
    });
  }

  async function untilStarted(count: number): Promise<void> {
    while (started.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  /** Turns that start until one of "calm" does, with each other ended as the next is wanted. */
  async function startsUntilCalm(): Promise<number> {
    await untilStarted(SLOTS);
    while (!started.includes("calm")) {
      const next = untilStarted(started.length + 1);
      endings.shift()?.();
      await next;
    }
    return started.indexOf("calm");
  }

  async function flood(tenant: string): Promise<void> {
    await Promise.all(Array.from({ length: FLOOD_COUNT }, () => submit(tenant)));
  }

  it("another waits for its window and its slots, not for what it has queued", async () => {
    await start({ noisy: { weight: 1 }, calm: { weight: 1 } });
    await flood("noisy");
    await submit("calm");
    expect(await startsUntilCalm()).toBeLessThanOrEqual(SLOTS + WINDOW);
  });

  it("another starts at once in a slot that the flood may not take", async () => {
    await start({ noisy: { weight: 1, maxRunningTasks: SLOTS - 1 }, calm: { weight: 1 } });
    await flood("noisy");
    await untilStarted(SLOTS - 1);
    await submit("calm");
    await untilStarted(SLOTS);
    expect(started).toEqual(["noisy", "calm"]);
  });

  it("another would wait for all of it without a tenants file", async () => {
    await start(undefined);
    await flood("noisy");
    await submit("calm");
    expect(await startsUntilCalm()).toBe(FLOOD_COUNT);
  });
});
