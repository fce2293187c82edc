import { expect, it } from "vitest";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { RedisConnection } from "../../src/redis/connection.ts";
import { startTcpProxy } from "../fakes/tcp-proxy.ts";
import { hasRedis, startRedis } from "../harness/redis-server.ts";

it.skipIf(!hasRedis)("each lost connection is told of once, by its name", async () => {
  const redis = await startRedis();
  const proxy = await startTcpProxy(Number(new URL(redis.url).port));
  const lost: string[] = [];
  const connection = new RedisConnection({
    url: `redis://127.0.0.1:${proxy.port}`,
    prefix: "losses",
    clock: systemClock,
    random: systemRandom,
    onConnectionLost: (name) => lost.push(name),
  });
  await connection.start();
  await connection.subscribe("{losses}:c", () => undefined);
  proxy.cut();
  const answers = () => connection.call("ping", []).then(String, () => "");
  await expect.poll(answers).toBe("PONG");
  expect(lost.sort()).toEqual(["agentlane", "agentlane-pushes"]);
  await connection.stop();
  expect(lost).toHaveLength(2);
  await proxy.stop();
  await redis.stop();
});
