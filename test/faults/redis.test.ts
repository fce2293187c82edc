/** The short form of `npm run test:faults -- --only redis`. */
import { hasRedis } from "../harness/redis-server.ts";
import { redisBackend } from "./backends/redis.ts";
import { testShortForm } from "./short-form.ts";

testShortForm({ backend: redisBackend, isAvailable: hasRedis, loadMs: 25_000 });
