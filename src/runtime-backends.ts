/** Which queue, bus and store the configuration names. */
import type { Clock, Random } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Content } from "./encryption/content.ts";
import { encryptBus } from "./encryption/encrypted-bus.ts";
import { encryptStore } from "./encryption/encrypted-store.ts";
import type { NewId } from "./ids.ts";
import type { EventBus, MessageQueue } from "./queue/contract.ts";
import { measureQueue } from "./queue/measured-queue.ts";
import { createMemoryEventBus } from "./queue/memory/bus.ts";
import { createMemoryQueue } from "./queue/memory/queue.ts";
import { createRabbitEventBus } from "./queue/rabbitmq/bus.ts";
import { createRabbitQueue } from "./queue/rabbitmq/queue.ts";
import { createRedisEventBus } from "./queue/redis/bus.ts";
import { createRedisQueue } from "./queue/redis/queue.ts";
import { isStoreOnQueue, redisConnections, type StoreParts, storeOf } from "./runtime-store.ts";
import type { Store } from "./store/contract.ts";
import { measureStore } from "./store/measured-store.ts";
import type { Logger } from "./telemetry/logging.ts";
import { METRICS } from "./telemetry/metric-definitions.ts";
import { type Metrics, NO_METRICS } from "./telemetry/metrics.ts";
import { sparingly } from "./telemetry/sparing.ts";

/** The three seams, as one choice: not every queue goes with every store. */
export interface Backends {
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly bus: EventBus;
}

interface BackendParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: NewId;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly content: Content;
}

/** The configuration has refused what does not go together. */
export function backendsOf(config: Config, parts: BackendParts): Backends {
  const onWarning = sparingly(parts.clock, (message, fields) => parts.logger.warn(message, fields));
  const losses = parts.metrics.counter(METRICS.connectionLosses);
  const surroundings = {
    ...parts,
    onWarning,
    onConnectionLost: (connection: string) => losses.add(1, connection),
  };
  const shared = { ...surroundings, connectionTo: redisConnections(config, surroundings) };
  const { queue, bus } = transportOf(config, shared);
  return {
    store: encryptStore(storeOf(config, shared), parts.content),
    queue,
    bus: encryptBus(bus, parts.content),
  };
}

/** Untouched when nobody counts: a measurement is a promise more for each call. */
export function measuredBackends(backends: Backends, metrics: Metrics, clock: Clock): Backends {
  if (metrics === NO_METRICS) return backends;
  return {
    ...backends,
    store: measureStore(backends.store, metrics, clock),
    queue: measureQueue(backends.queue, metrics, clock),
  };
}

type AdapterParts = BackendParts & StoreParts;

function transportOf(config: Config, parts: AdapterParts): { queue: MessageQueue; bus: EventBus } {
  const { type, redisUrl: url, redisKeyPrefix: prefix } = config.queue;
  switch (type) {
    case "redis": {
      const shared = { ...parts, prefix, connection: parts.connectionTo(url) };
      const deliversClaims = isStoreOnQueue(config);
      return {
        queue: createRedisQueue({ ...shared, deliversClaims }),
        bus: createRedisEventBus(shared),
      };
    }
    case "rabbitmq":
      return rabbitOf(config, parts);
    default:
      return { queue: createMemoryQueue({ clock: parts.clock }), bus: createMemoryEventBus() };
  }
}

function rabbitOf(config: Config, parts: AdapterParts): { queue: MessageQueue; bus: EventBus } {
  const { rabbitmqUrl: url, rabbitmqPrefix: prefix, rabbitmqQueueType: queueType } = config.queue;
  return {
    queue: createRabbitQueue({ ...parts, prefix, url, queueType }),
    bus: createRabbitEventBus({ ...parts, prefix, url }),
  };
}
