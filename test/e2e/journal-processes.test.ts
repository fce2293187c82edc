/** The journal while a worker is killed in the middle of an attempt. */
import { afterEach, expect, it } from "vitest";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { startObserved } from "../harness/observed.ts";
import { dropKeys, hasRedis, newPrefix, sharedRedis } from "../harness/redis-server.ts";

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
}, 60_000);

it.skipIf(!hasRedis)(
  "each state change has one line, those of the dead worker included",
  { timeout: 90_000 },
  async () => {
    const redis = await sharedRedis();
    const prefix = newPrefix();
    ending.push(
      () => redis.stop(),
      () => dropKeys(redis.url, prefix),
    );
    const observed = await startObserved(
      {
        MESSAGE_QUEUE_TYPE: "redis",
        REDIS_URL: redis.url,
        REDIS_KEY_PREFIX: prefix,
        LEASE_DURATION: "2",
        LEASE_RENEW_INTERVAL: "0.5",
      },
      2,
    );
    ending.push(() => observed.stop());
    const text = { case: "text" as const, value: "a b c d" };
    const { task } = await observed.tasks.submitTask({
      agentId: "echo",
      sessionId: "s1",
      messages: [{ role: Role.USER, content: [{ part: text }] }],
      configurable: { delayMs: 500 },
      retryPolicy: { initialBackoff: { seconds: 0n, nanos: 1_000_000 } },
    });
    const taskId = task?.taskId ?? "";
    const runner = () =>
      observed.processes.find((process) =>
        process
          .output()
          .split("\n")
          .some((line) => line.includes(taskId) && line.includes('"RUNNING"')),
      );
    await expect.poll(runner, { timeout: 20_000 }).toBeDefined();
    runner()?.kill("SIGKILL");
    for await (const _ of observed.tasks.watchTask({ taskId }));
    const told = () =>
      observed
        .lines()
        .filter(({ message, task_id }) => message === "task" && task_id === taskId)
        .map(({ attempt, state, reason = "" }) => `${attempt} ${state} ${reason}`.trim())
        .sort();
    await expect
      .poll(told, { timeout: 20_000 })
      .toEqual([
        "0 QUEUED",
        "1 QUEUED",
        "1 RETRY_WAIT LEASE_EXPIRED",
        "1 RUNNING",
        "2 COMPLETED",
        "2 RUNNING",
      ]);
  },
);
