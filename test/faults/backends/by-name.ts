/** The backends that `--only` knows. */
import type { Backend } from "./contract.ts";
import { rabbitmqPostgresBackend } from "./rabbitmq-postgres.ts";
import { rabbitmqBackend } from "./rabbitmq-redis.ts";
import { redisBackend } from "./redis.ts";
import { postgresBackend } from "./redis-postgres.ts";
import { sqliteBackend } from "./sqlite.ts";

const BACKENDS: readonly Backend[] = [
  redisBackend,
  rabbitmqBackend,
  rabbitmqPostgresBackend,
  postgresBackend,
  sqliteBackend,
];

/** Throws for a name that none has. */
export function backendByName(name: string): Backend {
  const found = BACKENDS.find((backend) => backend.name === name);
  if (found) return found;
  throw new Error(`--only knows ${BACKENDS.map((backend) => backend.name).join(", ")}`);
}
