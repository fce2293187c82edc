/** The short form of `npm run test:faults -- --only rabbitmq-redis`. */
import { hasRabbit } from "../harness/rabbitmq-server.ts";
import { hasRedis } from "../harness/redis-server.ts";
import { rabbitmqBackend } from "./backends/rabbitmq-redis.ts";
import { testShortForm } from "./short-form.ts";

testShortForm({ backend: rabbitmqBackend, isAvailable: hasRabbit && hasRedis, loadMs: 25_000 });
