import { afterAll, beforeAll, describe } from "vitest";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { createRedisStore } from "../../src/store/redis/store.ts";
import { storeConformance } from "../conformance/store-suite.ts";
import { hasRedis, newPrefix, type RedisServer, sharedRedis } from "../harness/redis-server.ts";

describe.runIf(hasRedis)("on a shared Redis", () => {
  let server: Pick<RedisServer, "url" | "command" | "stop">;
  beforeAll(async () => {
    server = await sharedRedis();
  });
  afterAll(() => server.stop());

  storeConformance("the Redis store", async () => {
    const prefix = newPrefix();
    const store = createRedisStore({
      url: server.url,
      prefix,
      clock: systemClock,
      random: systemRandom,
      onWarning: () => undefined,
      shiftedTime: true,
    });
    return {
      unitMs: 1000,
      ringsItself: false,
      async make() {
        await store.start();
        return store;
      },
      async advance(byMs) {
        await server.command("INCRBY", `{${prefix}}:clock-shift`, `${Math.ceil(byMs)}`);
      },
      dispose: () => store.stop(),
    };
  });
});
