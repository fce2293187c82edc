/** The short form of `npm run test:faults -- --only redis-postgres`. */
import { hasPostgres } from "../harness/postgres-server.ts";
import { hasRedis } from "../harness/redis-server.ts";
import { postgresBackend } from "./backends/redis-postgres.ts";
import { testShortForm } from "./short-form.ts";

testShortForm({ backend: postgresBackend, isAvailable: hasPostgres && hasRedis, loadMs: 25_000 });
