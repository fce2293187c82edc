/** RabbitMQ for queue and bus, PostgreSQL for the store: the form for many machines. */
import { startTcpProxy } from "../../fakes/tcp-proxy.ts";
import type { Backend, RunningBackend } from "./contract.ts";
import {
  POSTGRES_FAULT_KINDS,
  postgresFaultsOf,
  postgresLeftovers,
  startFaultyPostgres,
  throughProxy,
} from "./postgres-faults.ts";
import {
  PREFIX,
  RABBIT_FAULT_KINDS,
  rabbitFaultsOf,
  startFaultyRabbit,
} from "./rabbitmq-faults.ts";

export const rabbitmqPostgresBackend: Backend = {
  name: "rabbitmq-postgres",
  layout: "spread",
  isRemote: true,
  faultKinds: [...RABBIT_FAULT_KINDS, ...POSTGRES_FAULT_KINDS],
  start,
};

async function start(): Promise<RunningBackend> {
  const [rabbit, postgres] = await Promise.all([startFaultyRabbit(), startFaultyPostgres()]);
  const proxies = await Promise.all([startTcpProxy(rabbit.port), startTcpProxy(postgres.port)]);
  const [queueProxy, storeProxy] = proxies;
  const database = await postgres.createDatabase();
  return {
    environment: (isProxied) => ({
      MESSAGE_QUEUE_TYPE: "rabbitmq",
      RABBITMQ_URL: isProxied ? `amqp://127.0.0.1:${queueProxy.port}` : rabbit.url,
      RABBITMQ_PREFIX: PREFIX,
      STORE_URL: isProxied ? throughProxy(database, storeProxy.port) : database,
      POSTGRES_POOL_SIZE: "8",
    }),
    proxies,
    faults: { ...rabbitFaultsOf(rabbit), ...postgresFaultsOf(postgres, database) },
    async leftovers() {
      const counts = await postgresLeftovers(database);
      return counts.set("messages", await rabbit.messageCount(`${PREFIX}.queue.`));
    },
    async stop() {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await Promise.all([rabbit.stop(), postgres.stop()]);
    },
  };
}
