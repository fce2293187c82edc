/** PostgreSQL for the store, one Redis for queue and bus. */
import { startTcpProxy } from "../../fakes/tcp-proxy.ts";
import { startRedis } from "../../harness/redis-server.ts";
import type { Backend, RunningBackend } from "./contract.ts";
import {
  POSTGRES_FAULT_KINDS,
  postgresFaultsOf,
  postgresLeftovers,
  startFaultyPostgres,
  throughProxy,
} from "./postgres-faults.ts";

const PREFIX = "faults";

export const postgresBackend: Backend = {
  name: "redis-postgres",
  layout: "spread",
  isRemote: true,
  faultKinds: POSTGRES_FAULT_KINDS,
  start,
};

async function start(): Promise<RunningBackend> {
  const redis = await startRedis({ aof: true });
  const postgres = await startFaultyPostgres();
  const proxies = [await startTcpProxy(redis.port), await startTcpProxy(postgres.port)] as const;
  const database = await postgres.createDatabase();
  return {
    environment: (isProxied) => ({
      MESSAGE_QUEUE_TYPE: "redis",
      REDIS_URL: isProxied ? `redis://127.0.0.1:${proxies[0].port}` : redis.url,
      REDIS_KEY_PREFIX: PREFIX,
      STORE_URL: isProxied ? throughProxy(database, proxies[1].port) : database,
      POSTGRES_POOL_SIZE: "8",
    }),
    proxies,
    faults: postgresFaultsOf(postgres, database),
    leftovers: () => postgresLeftovers(database),
    async stop() {
      for (const proxy of proxies) await proxy.stop();
      await postgres.stop();
      await redis.stop();
    },
  };
}
