import { hasPostgres, sharedPostgres } from "../harness/postgres-server.ts";
import { hasRabbit, startRabbit } from "../harness/rabbitmq-server.ts";
import { dropKeys, hasRedis, newPrefix, sharedRedis } from "../harness/redis-server.ts";
import { testProcesses } from "./process-suite.ts";

testProcesses({
  name: "RabbitMQ and Redis",
  isAvailable: hasRabbit && hasRedis,
  async install() {
    const [rabbit, redis] = await Promise.all([startRabbit(), sharedRedis()]);
    const prefix = newPrefix();
    return {
      environment: {
        MESSAGE_QUEUE_TYPE: "rabbitmq",
        RABBITMQ_URL: rabbit.url,
        STORE_URL: redis.url,
        REDIS_KEY_PREFIX: prefix,
      },
      async stop() {
        await dropKeys(redis.url, prefix);
        await Promise.all([rabbit.stop(), redis.stop()]);
      },
    };
  },
});

testProcesses({
  name: "RabbitMQ and PostgreSQL",
  isAvailable: hasRabbit && hasPostgres,
  async install() {
    const [rabbit, postgres] = await Promise.all([startRabbit(), sharedPostgres()]);
    return {
      environment: {
        MESSAGE_QUEUE_TYPE: "rabbitmq",
        RABBITMQ_URL: rabbit.url,
        STORE_URL: await postgres.createDatabase(),
      },
      async stop() {
        await Promise.all([rabbit.stop(), postgres.stop()]);
      },
    };
  },
});
