/** Store, queue and bus on one Redis: the store's scripts ring and tell by themselves. */
import { create } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LogEntries, LogEntry } from "../../gen/agentlane/store/v1/record_pb.js";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Priority, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import { uuidV7 } from "../../src/ids.ts";
import type { Consumer, EventBus, MessageQueue } from "../../src/queue/contract.ts";
import { taskTopic } from "../../src/queue/contract.ts";
import { createRedisEventBus } from "../../src/queue/redis/bus.ts";
import { createRedisQueue } from "../../src/queue/redis/queue.ts";
import { createRuntime } from "../../src/runtime.ts";
import type { Store, SweepOptions, TaskRef } from "../../src/store/contract.ts";
import { createRedisStore } from "../../src/store/redis/store.ts";
import { silentLogger } from "../../src/telemetry/logging.ts";
import { startTcpProxy } from "../fakes/tcp-proxy.ts";
import {
  AGENT,
  executionContext,
  messageEvents,
  newTaskId,
  QUEUE,
  submission,
  TENANT,
  taskError,
  taskResult,
  userMessage,
} from "../harness/builders.ts";
import { principal } from "../harness/principals.ts";
import {
  connectionTo,
  dropKeys,
  hasRedis,
  newPrefix,
  type RedisServer,
  startRedis,
} from "../harness/redis-server.ts";

const never = new AbortController().signal;
const NOTHING = { doorbells: [], notices: [] };
const SWEEP: SweepOptions = {
  limit: 100,
  unpublishedAfterMs: 0,
  logRetentionMs: 60_000,
  taskRetentionMs: 60_000,
  deadLetterRetentionMs: 60_000,
  sessionRetentionMs: 60_000,
};

interface Parts {
  readonly prefix: string;
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly bus: EventBus;
}

describe.skipIf(!hasRedis)("store, queue and bus on one Redis", () => {
  let redis: RedisServer;
  const ending: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end();
  });

  async function open(url = redis.url): Promise<Parts> {
    const prefix = newPrefix();
    const shared = { connection: connectionTo(url), prefix, clock: systemClock };
    const store = createRedisStore({ ...shared, ringsItself: true, tellsItself: true });
    const queue = createRedisQueue({ ...shared, newId: uuidV7(systemClock) });
    const bus = createRedisEventBus(shared);
    for (const part of [store, queue, bus]) {
      await part.start();
      ending.push(() => part.stop());
    }
    ending.push(() => dropKeys(redis.url, prefix));
    return { prefix, store, queue, bus };
  }

  function consume(queue: MessageQueue, workerId = "w1"): Promise<Consumer> {
    return queue.consume({ queues: [QUEUE], workerId, prefetch: 10 });
  }

  async function claim({ store }: Parts, ref: TaskRef) {
    const request = { ref, workerId: "w1", claimId: newTaskId(), leaseMs: 60_000, spanId: "" };
    const { claim: claimed, effects } = await store.tasks.claim(request);
    if (!claimed) throw new Error("not claimed");
    expect(effects).toMatchObject(NOTHING);
    return claimed.lease;
  }

  const finished = (afterSequence: number) => ({
    afterSequence,
    events: [],
    ending: { state: TaskState.COMPLETED, result: taskResult() } as const,
  });

  const pendingOf = async ({ queue }: Parts) => (await queue.depth(QUEUE)).pendingCount;

  it("gives an accepted task's doorbell to a waiting consumer, whole", async () => {
    const parts = await open();
    const consumer = await consume(parts.queue);
    const receiving = consumer.receive(never);
    const submitted = submission({
      tenant: "tenant: 50% ä",
      task: { priority: Priority.URGENT },
      traceHeaders: { traceparent: "00-ab-cd-01", baggage: `k=${"v".repeat(300)}` },
    });
    const { task, effects } = await parts.store.tasks.create(submitted);
    expect(effects).toEqual({ ...NOTHING, rung: [QUEUE] });
    const delivery = await receiving;
    expect(delivery?.message).toMatchObject({
      tenant: "tenant: 50% ä",
      taskId: task.taskId,
      queue: QUEUE,
      priority: Priority.URGENT,
      traceHeaders: submitted.record.traceHeaders,
      preferredWorkerId: "",
      publishedAt: task.createdAt,
    });
    await delivery?.ack();
    await expect.poll(() => parts.queue.depth(QUEUE)).toMatchObject({ unsettledCount: 0 });
  });

  it("rings for the lane's next task when one ends, and prefers its worker", async () => {
    const parts = await open();
    const consumer = await consume(parts.queue);
    const task = { sessionId: "s1" };
    const first = await parts.store.tasks.create(submission({ task }));
    const second = await parts.store.tasks.create(submission({ task }));
    await (await consumer.receive(never))?.ack();
    expect(await pendingOf(parts)).toBe(0);
    const lease = await claim(parts, { tenant: TENANT, taskId: first.task.taskId });
    const session = executionContext();
    const { effects } = await parts.store.tasks.finish(lease, { ...finished(2), session });
    expect(effects).toMatchObject(NOTHING);
    const { message } = (await consumer.receive(never)) ?? {};
    expect(message).toMatchObject({ taskId: second.task.taskId, preferredWorkerId: "w1" });
  });

  it("rings once, however often a create or a finish is repeated", async () => {
    const parts = await open();
    const task = { sessionId: "s1" };
    const [one, two] = [submission({ task }), submission({ task })];
    await parts.store.tasks.create(one);
    await parts.store.tasks.create(one);
    expect(await pendingOf(parts)).toBe(1);
    await parts.store.tasks.create(two);
    const lease = await claim(parts, { tenant: TENANT, taskId: one.record.task?.taskId ?? "" });
    await parts.store.tasks.finish(lease, finished(2));
    const { effects } = await parts.store.tasks.finish(lease, finished(2));
    expect(effects).toMatchObject(NOTHING);
    expect(await pendingOf(parts)).toBe(2);
    expect(await parts.store.tasks.sweep(SWEEP)).toMatchObject({ sweptCount: 0, effects: NOTHING });
    expect(await pendingOf(parts)).toBe(2);
  });

  it("has rung where the reply of an accept was lost and its gateway died", async () => {
    const proxy = await startTcpProxy(redis.port);
    ending.push(() => proxy.stop());
    const dying = await open(`redis://127.0.0.1:${proxy.port}`);
    proxy.swallowReplies();
    const submitted = submission();
    await expect(dying.store.tasks.create(submitted)).rejects.toMatchObject({
      kind: "unavailable",
    });
    proxy.refuse();
    const shared = { connection: connectionTo(redis.url), prefix: dying.prefix };
    const queue = createRedisQueue({
      ...shared,
      clock: systemClock,
      newId: uuidV7(systemClock),
    });
    await queue.start();
    ending.push(() => queue.stop());
    const delivery = await (await consume(queue)).receive(never);
    expect(delivery?.message.taskId).toBe(submitted.record.task?.taskId);
  });

  it("leaves a task that meets a full queue to the sweep", async () => {
    const parts = await open();
    const counts = `{${parts.prefix}}:mq:counts:${QUEUE}`;
    await redis.command("HSET", counts, "w1", "100000");
    const { task } = await parts.store.tasks.create(submission());
    expect(await pendingOf(parts)).toBe(100_000);
    await redis.command("HSET", counts, "w1", "0");
    expect((await parts.store.tasks.sweep(SWEEP)).sweptCount).toBe(1);
    const delivery = await (await consume(parts.queue)).receive(never);
    expect(delivery?.message.taskId).toBe(task.taskId);
    expect((await parts.store.tasks.sweep(SWEEP)).sweptCount).toBe(0);
  });

  it("rings for redriven tasks and for retries that are due", async () => {
    const parts = await open();
    const { task } = await parts.store.tasks.create(submission());
    const ref = { tenant: TENANT, taskId: task.taskId };
    const error = taskError();
    const retry = { state: TaskState.RETRY_WAIT, error, delayMs: 0 } as const;
    const lease = await claim(parts, ref);
    await parts.store.tasks.finish(lease, { afterSequence: 2, events: [], ending: retry });
    await parts.store.tasks.sweep(SWEEP);
    expect(await pendingOf(parts)).toBe(2);
    const again = await claim(parts, ref);
    const ending = { state: TaskState.FAILED, error } as const;
    await parts.store.tasks.finish(again, { afterSequence: 5, events: [], ending });
    const { redriven, effects } = await parts.store.deadLetters.redrive(TENANT, [task.taskId]);
    expect(redriven).toEqual([task.taskId]);
    expect(effects).toMatchObject(NOTHING);
    expect(await pendingOf(parts)).toBe(3);
  });

  it("tells watchers of every entry of the log, as the log has it", async () => {
    const parts = await open();
    const submitted = submission({ tenant: "a/b: ä" });
    const ref = { tenant: "a/b: ä", taskId: submitted.record.task?.taskId ?? "" };
    const heard: LogEntry[] = [];
    await parts.bus.subscribe(taskTopic(ref.tenant, ref.taskId), (notice) => {
      expect(notice).toMatchObject(ref);
      if (notice.kind.case === "entries") heard.push(...notice.kind.value.entries);
    });
    await parts.store.tasks.create(submitted);
    const lease = await claim(parts, ref);
    const { effects } = await parts.store.tasks.append(lease, 2, messageEvents("a", "b"));
    expect(effects).toEqual(NOTHING);
    await parts.store.tasks.append(lease, 4, messageEvents("c"));
    const finish = { ...finished(5), events: messageEvents("d") };
    const { task } = await parts.store.tasks.finish(lease, finish);
    expect(task).toMatchObject({ state: TaskState.COMPLETED, lastSequence: 7 });
    await expect.poll(() => heard.length).toBe(7);
    expect(heard).toEqual((await parts.store.log.read(ref, 0, 100)).entries);
  });

  it("tells watchers of large entries only where the log ends now", async () => {
    const parts = await open();
    const submitted = submission();
    const ref = { tenant: TENANT, taskId: submitted.record.task?.taskId ?? "" };
    await parts.store.tasks.create(submitted);
    const lease = await claim(parts, ref);
    const heard: LogEntries[] = [];
    await parts.bus.subscribe(taskTopic(ref.tenant, ref.taskId), ({ kind }) => {
      if (kind.case === "entries") heard.push(kind.value);
    });
    await parts.store.tasks.append(lease, 2, messageEvents("a", "x".repeat(300_000)));
    await parts.store.tasks.append(lease, 4, messageEvents("b"));
    await expect.poll(() => heard.length).toBe(2);
    expect(heard).toMatchObject([
      { entries: [], lastSequence: 4 },
      { entries: [{ sequence: 5 }], lastSequence: 0 },
    ]);
  });

  it("is not needed: a store on another Redis has its doorbells rung by its caller", async () => {
    const other = await startRedis();
    ending.push(() => other.stop());
    const prefix = newPrefix();
    ending.push(() => dropKeys(redis.url, prefix));
    const config = loadConfig({
      PORT: "0",
      MESSAGE_QUEUE_TYPE: "redis",
      REDIS_URL: redis.url,
      STORE_URL: other.url,
      REDIS_KEY_PREFIX: prefix,
    });
    const runtime = await createRuntime(config, { logger: silentLogger });
    await runtime.start();
    ending.push(() => runtime.stop());
    const request = create(ExecuteRequestSchema, {
      agentId: AGENT,
      messages: [userMessage("hello")],
    });
    const options = { streaming: false, deadlineInMs: undefined };
    const run = await runtime.manager.run(principal(TENANT), request, options, never);
    const states: (TaskState | undefined)[] = [];
    for await (const batch of run.entries) {
      for (const { event } of batch) {
        if (event.kind.case === "stateChange") states.push(event.kind.value.state);
      }
    }
    expect(states).toEqual([TaskState.QUEUED, TaskState.RUNNING, TaskState.COMPLETED]);
  });
});
