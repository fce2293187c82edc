import { dropKeys, hasRedis, newPrefix, sharedRedis } from "../harness/redis-server.ts";
import { testProcesses } from "./process-suite.ts";

testProcesses({
  name: "Redis",
  isAvailable: hasRedis,
  async install() {
    const redis = await sharedRedis();
    const prefix = newPrefix();
    return {
      environment: {
        MESSAGE_QUEUE_TYPE: "redis",
        REDIS_URL: redis.url,
        REDIS_KEY_PREFIX: prefix,
      },
      async stop() {
        await dropKeys(redis.url, prefix);
        await redis.stop();
      },
    };
  },
});
