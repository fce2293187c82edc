/** Store, queue and bus on one Redis: what a waiting worker is delivered comes claimed. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LogEntry } from "../../gen/agentlane/store/v1/record_pb.js";
import { AttemptOutcome, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock } from "../../src/clock.ts";
import { uuidV7 } from "../../src/ids.ts";
import {
  type Consumer,
  type Delivery,
  type MessageQueue,
  taskTopic,
} from "../../src/queue/contract.ts";
import { createRedisEventBus } from "../../src/queue/redis/bus.ts";
import { createRedisQueue } from "../../src/queue/redis/queue.ts";
import type { Claim, Lease, Store, TaskRef } from "../../src/store/contract.ts";
import { createRedisStore } from "../../src/store/redis/store.ts";
import { startTcpProxy } from "../fakes/tcp-proxy.ts";
import {
  executionContext,
  messageEvents,
  newTaskId,
  QUEUE,
  submission,
  TENANT,
  taskError,
  taskResult,
} from "../harness/builders.ts";
import {
  connectionTo,
  dropKeys,
  hasRedis,
  newPrefix,
  type RedisServer,
  startRedis,
} from "../harness/redis-server.ts";

const never = new AbortController().signal;
const LEASE_MS = 60_000;
/** Longer than any lease. */
const LONG_MS = 120_000;
const completed = { state: TaskState.COMPLETED, result: taskResult() } as const;
const expiredEnding = {
  state: TaskState.RETRY_WAIT,
  error: taskError(),
  delayMs: 0,
  leaseExpired: true,
} as const;

interface Parts {
  readonly store: Store;
  readonly queue: MessageQueue;
}

describe.skipIf(!hasRedis)("claims that come with their deliveries", () => {
  let redis: RedisServer;
  let prefix: string;
  const ending: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(() => {
    prefix = newPrefix();
    ending.push(() => dropKeys(redis.url, prefix));
  });
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end();
  });

  /** A process: a connection of its own. */
  async function open(url = redis.url): Promise<Parts> {
    const shared = { connection: connectionTo(url), prefix, clock: systemClock };
    const rings = { ringsItself: true, tellsItself: true, shiftedTime: true };
    const store = createRedisStore({ ...shared, ...rings });
    const queue = createRedisQueue({
      ...shared,
      newId: uuidV7(systemClock),
      deliversClaims: true,
    });
    for (const part of [store, queue]) {
      await part.start();
      ending.push(() => part.stop());
    }
    return { store, queue };
  }

  function consume({ queue }: Parts, workerId = "w1", prefetch = 10): Promise<Consumer> {
    return queue.consume({ queues: [QUEUE], workerId, prefetch, leaseMs: LEASE_MS });
  }

  /** Resolves when Redis knows that the worker waits. */
  async function waiting(consumer: Consumer): Promise<() => Promise<Delivery | undefined>> {
    const receiving = consumer.receive(never);
    await expect.poll(() => redis.command("ZCARD", `{${prefix}}:mq:takers:${QUEUE}`)).toBe(1);
    return () => receiving;
  }

  async function submit(parts: Parts, task = {}): Promise<TaskRef> {
    const { task: accepted } = await parts.store.tasks.create(submission({ task }));
    return { tenant: TENANT, taskId: accepted.taskId };
  }

  async function claim({ store }: Parts, ref: TaskRef, spanId = ""): Promise<Claim | undefined> {
    const request = { ref, workerId: "w1", claimId: newTaskId(), leaseMs: LEASE_MS, spanId };
    return (await store.tasks.claim(request)).claim;
  }

  async function claimed(parts: Parts, ref: TaskRef): Promise<Lease> {
    const found = await claim(parts, ref);
    if (!found) throw new Error("not claimed");
    return found.lease;
  }

  const pass = (ms: number): Promise<unknown> => {
    return redis.command("INCRBY", `{${prefix}}:clock-shift`, `${ms}`);
  };

  /** As the sweeper does it. */
  async function endExpired({ store }: Parts): Promise<void> {
    for (const { lease } of await store.tasks.expired(100)) {
      await store.tasks.finish(lease, {
        afterSequence: 0,
        events: [],
        ending: expiredEnding,
        ifExpired: true,
      });
    }
  }

  it("is answered without asking Redis, with the record as it is", async () => {
    const proxy = await startTcpProxy(redis.port);
    ending.push(() => proxy.stop());
    const [gateway, worker] = [await open(), await open(`redis://127.0.0.1:${proxy.port}`)];
    const receiving = await waiting(await consume(worker));
    const ref = await submit(gateway, { sessionId: "s1" });
    const delivery = await receiving();
    expect(delivery?.message).toMatchObject(ref);
    proxy.stall();
    const found = await claim(worker, ref);
    await delivery?.ack();
    proxy.heal();
    expect(found?.record.task).toEqual(await gateway.store.log.get(ref));
    expect(found?.record.task).toMatchObject({ state: TaskState.RUNNING, attempt: 1 });
    expect(found?.leaseLeftMs).toBeGreaterThan(0);
    expect(found?.leaseLeftMs).toBeLessThanOrEqual(5000);
    expect(await gateway.queue.depth(QUEUE)).toMatchObject({ pendingCount: 0, unsettledCount: 0 });
  });

  it("tells watchers the same as one that was asked for", async () => {
    const parts = await open();
    const bus = createRedisEventBus({
      connection: connectionTo(redis.url),
      prefix,
      clock: systemClock,
    });
    await bus.start();
    ending.push(() => bus.stop());
    const receiving = await waiting(await consume(parts));
    const submitted = submission();
    const ref = { tenant: TENANT, taskId: submitted.record.task?.taskId ?? "" };
    const heard: LogEntry[] = [];
    await bus.subscribe(taskTopic(ref.tenant, ref.taskId), ({ kind }) => {
      if (kind.case === "entries") heard.push(...kind.value.entries);
    });
    await parts.store.tasks.create(submitted);
    await receiving();
    const finish = { afterSequence: 2, events: messageEvents("a"), ending: completed };
    await parts.store.tasks.finish(await claimed(parts, ref), finish);
    await expect.poll(() => heard.length).toBe(4);
    expect(heard).toEqual((await parts.store.log.read(ref, 0, 100)).entries);
    const kinds = heard.map(({ event }) => event?.kind);
    expect(kinds).toMatchObject([
      { value: { state: TaskState.QUEUED } },
      { value: { state: TaskState.RUNNING, workerId: "w1" } },
      { case: "message" },
      { value: { state: TaskState.COMPLETED } },
    ]);
  });

  it("is the task's only one: another worker's is refused", async () => {
    const [one, other] = [await open(), await open()];
    const receiving = await waiting(await consume(one));
    const ref = await submit(one);
    await receiving();
    expect(await claim(other, ref)).toBeUndefined();
    expect(await claim(one, ref)).toBeDefined();
    expect(await claim(one, ref)).toBeUndefined();
  });

  it("comes with the lane's next task when one ends, after its commit", async () => {
    const parts = await open();
    const consumer = await consume(parts);
    const receiving = await waiting(consumer);
    const first = await submit(parts, { sessionId: "s1" });
    const second = await submit(parts, { sessionId: "s1" });
    const delivery = await receiving();
    const lease = await claimed(parts, first);
    await delivery?.ack();
    const next = consumer.receive(never);
    const session = executionContext();
    const { sessionEtag } = await parts.store.tasks.finish(lease, {
      afterSequence: 2,
      events: [],
      ending: completed,
      session,
    });
    expect((await next)?.message).toMatchObject(second);
    expect(await claim(parts, second)).toMatchObject({ sessionEtag, lease: { attempt: 1 } });
  });

  it("waits for the call of a slot whose end has made room for it", async () => {
    const [parts, gateway] = [await open(), await open()];
    const consumer = await consume(parts, "w1", 1);
    const first = consumer.receive(never);
    const refs: TaskRef[] = [];
    for (let count = 0; count < 40; count++) refs.push(await submit(gateway, { sessionId: "s1" }));
    let receiving = first;
    for (const ref of refs) {
      const delivery = await receiving;
      expect(delivery?.message).toMatchObject(ref);
      const lease = await claimed(parts, ref);
      await delivery?.ack();
      await parts.store.tasks.finish(lease, { afterSequence: 2, events: [], ending: completed });
      receiving = consumer.receive(never);
    }
    for (const ref of refs) {
      const { attempts } = await gateway.store.log.get(ref);
      expect(attempts.map(({ outcome }) => outcome)).toEqual([AttemptOutcome.COMPLETED]);
    }
  });

  it("does not come with a large request, nor past a deadline", async () => {
    const parts = await open();
    const consumer = await consume(parts);
    const receiving = await waiting(consumer);
    const large = await submit(parts, { metadata: { note: "x".repeat(40_000) } });
    expect((await receiving())?.message).toMatchObject(large);
    expect((await parts.store.log.get(large)).state).toBe(TaskState.QUEUED);
    expect((await claim(parts, large))?.leaseLeftMs).toBeUndefined();
  });

  it("keeps the span of the attempt", async () => {
    const parts = await open();
    const receiving = await waiting(await consume(parts));
    const ref = await submit(parts);
    await receiving();
    await claim(parts, ref, "00f067aa0ba902b7");
    const attempts = async () => (await parts.store.log.get(ref)).attempts;
    await expect.poll(attempts).toMatchObject([{ spanId: "00f067aa0ba902b7" }]);
  });

  const released = {
    state: TaskState.QUEUED,
    consumedAttempts: 0,
    attempts: [{ outcome: AttemptOutcome.RELEASED }],
  };

  it("goes back by nack, no attempt consumed", async () => {
    const parts = await open();
    const receiving = await waiting(await consume(parts));
    const ref = await submit(parts);
    await (await receiving())?.nack();
    await expect.poll(() => parts.store.log.get(ref)).toMatchObject(released);
    expect(await claim(parts, ref)).toMatchObject({ lease: { attempt: 2 } });
  });

  it("goes back when it comes while its consumer closes", async () => {
    const proxy = await startTcpProxy(redis.port);
    ending.push(() => proxy.stop());
    const [gateway, worker] = [await open(), await open(`redis://127.0.0.1:${proxy.port}`)];
    const consumer = await consume(worker);
    const receiving = await waiting(consumer);
    proxy.stall();
    const ref = await submit(gateway);
    expect((await gateway.store.log.get(ref)).state).toBe(TaskState.RUNNING);
    const closing = consumer.close();
    proxy.heal();
    await closing;
    expect(await receiving()).toBeUndefined();
    expect(await gateway.store.log.get(ref)).toMatchObject(released);
  });

  it("goes back when a connected worker was never heard of, and not to that worker again", async () => {
    const [parts, sweeper] = [await open(), await open()];
    const receiving = await waiting(await consume(parts));
    const ref = await submit(parts);
    await receiving();
    const stale = await claimed(parts, ref);
    await pass(6000);
    await endExpired(sweeper);
    expect(await sweeper.store.log.get(ref)).toMatchObject(released);
    expect(await sweeper.queue.depth(QUEUE)).toMatchObject({ pendingCount: 1, unsettledCount: 0 });
    const append = parts.store.tasks.append(stale, 2, messageEvents("late"));
    await expect(append).rejects.toMatchObject({ kind: "lease_lost" });
    expect(await claim(sweeper, ref)).toMatchObject({ lease: { attempt: 2 } });
  });

  it.each(["renewed", "appended to"] as const)("consumes its attempt once %s", async (how) => {
    const parts = await open();
    const receiving = await waiting(await consume(parts));
    const ref = await submit(parts);
    await receiving();
    const lease = await claimed(parts, ref);
    if (how === "renewed") await parts.store.tasks.renew([lease], LEASE_MS);
    else await parts.store.tasks.append(lease, 2, messageEvents("a"));
    await pass(LONG_MS);
    await endExpired(parts);
    expect(await parts.store.log.get(ref)).toMatchObject({
      state: TaskState.RETRY_WAIT,
      consumedAttempts: 1,
      attempts: [{ outcome: AttemptOutcome.LEASE_EXPIRED }],
    });
  });

  it("consumes its attempt when the worker is gone", async () => {
    const proxy = await startTcpProxy(redis.port);
    ending.push(() => proxy.stop());
    const [gateway, worker] = [await open(), await open(`redis://127.0.0.1:${proxy.port}`)];
    const receiving = await waiting(await consume(worker));
    const ref = await submit(gateway);
    await receiving();
    proxy.refuse();
    await expect
      .poll(async () => {
        await pass(6000);
        await endExpired(gateway);
        return (await gateway.store.log.get(ref)).consumedAttempts;
      })
      .toBe(1);
  });

  it("is asked for when it was long on its way, and refused once others may have it", async () => {
    const [parts, sweeper] = [await open(), await open()];
    const consumer = await consume(parts);
    // As the worker sees it, the lease has ended.
    await pass(-LONG_MS);
    const receiving = await waiting(consumer);
    const ref = await submit(parts);
    await receiving();
    const found = await claim(parts, ref);
    expect(found?.leaseLeftMs).toBeUndefined();
    await pass(6000);
    expect(await sweeper.store.tasks.expired(1)).toEqual([]);
    const second = consumer.receive(never);
    const late = await submit(parts);
    await second;
    await pass(6000);
    await endExpired(sweeper);
    expect(await claim(parts, late)).toBeUndefined();
  });

  it("leaves no slot behind where its delivery was lost with a connection", async () => {
    const proxy = await startTcpProxy(redis.port);
    ending.push(() => proxy.stop());
    const [gateway, worker] = [await open(), await open(`redis://127.0.0.1:${proxy.port}`)];
    const consumer = await consume(worker, "w1", 1);
    const receiving = await waiting(consumer);
    proxy.swallowReplies();
    const lost = await submit(gateway);
    expect((await gateway.store.log.get(lost)).state).toBe(TaskState.RUNNING);
    proxy.cut();
    proxy.heal();
    await expect.poll(() => redis.command("ZCARD", `{${prefix}}:mq:takers:${QUEUE}`)).toBe(1);
    const next = await submit(gateway);
    expect((await receiving())?.message).toMatchObject(next);
    await pass(6000);
    await endExpired(gateway);
    expect(await gateway.store.log.get(lost)).toMatchObject({ consumedAttempts: 0 });
  });
});
