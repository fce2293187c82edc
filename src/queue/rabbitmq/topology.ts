/**
 * What the adapter keeps in a vhost: names, kinds and arguments, for operators too (docs/rabbitmq.md).
 * Everything is durable and declared by whoever first needs it.
 */
import type { Channel } from "amqplib";
import { LEVEL_NAMES, LEVELS, type Level } from "./levels.ts";

export type QueueType = "quorum" | "classic";

/**
 * RabbitMQ 4 drops a message from a quorum queue after 20 deliveries unless told otherwise, and a
 * message that waits long may be looked at more often. Whoever does reach it is set aside.
 */
const DELIVERY_LIMIT = 1_000_000;
/** Unreadable messages kept for a look at them; the oldest go first. */
const MAX_DEAD = 1000;
/** A worker's own queue outlives the worker by that much, empty. */
const WORKER_QUEUE_EXPIRES_MS = 60_000;

export interface Topology {
  readonly prefix: string;
  readonly queueType: QueueType;
  /** Topic; its routing keys are `<queue>.<level>`, and operators may bind queues of their own. */
  readonly tasks: string;
  /** Headers; leads to the queue of the preferred worker if it is there, to `tasks` otherwise. */
  readonly preferred: string;
  /** Direct; unreadable messages, by the name of their queue. */
  readonly dead: string;
}

export function topologyOf(prefix: string, queueType: QueueType): Topology {
  return {
    prefix,
    queueType,
    tasks: `${prefix}.tasks`,
    preferred: `${prefix}.preferred`,
    dead: `${prefix}.dead`,
  };
}

export function routingKey(queue: string, level: Level): string {
  return `${encoded(queue)}.${LEVEL_NAMES[level]}`;
}

export function levelQueue({ prefix }: Topology, queue: string, level: Level): string {
  return `${prefix}.queue.${routingKey(queue, level)}`;
}

export function deadQueue({ prefix }: Topology, queue: string): string {
  return `${prefix}.dead.${encoded(queue)}`;
}

function workerQueue({ prefix }: Topology, workerId: string): string {
  return `${prefix}.worker.${encoded(workerId)}`;
}

/** Injective, and free of the wildcards of a topic. */
function encoded(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/gu, (letter) => `%${letter.codePointAt(0)?.toString(16)};`);
}

export async function declareExchanges(channel: Channel, topology: Topology): Promise<void> {
  const { tasks, preferred, dead } = topology;
  await channel.assertExchange(tasks, "topic", { durable: true });
  await channel.assertExchange(dead, "direct", { durable: true });
  await channel.assertExchange(preferred, "headers", { durable: true, alternateExchange: tasks });
}

/** The queues of one named queue: one a level, and one for what nobody can read. */
export async function declareQueue(
  channel: Channel,
  topology: Topology,
  queue: string,
): Promise<void> {
  const { queueType, tasks, dead } = topology;
  const quorum = queueType === "quorum";
  const set = { "x-queue-type": queueType };
  const deadName = deadQueue(topology, queue);
  await channel.assertQueue(deadName, {
    durable: true,
    maxLength: MAX_DEAD,
    overflow: "drop-head",
    arguments: set,
  });
  await channel.bindQueue(deadName, dead, encoded(queue));
  for (const level of LEVELS) {
    const name = levelQueue(topology, queue, level);
    await channel.assertQueue(name, {
      durable: true,
      deadLetterExchange: dead,
      deadLetterRoutingKey: encoded(queue),
      arguments: quorum ? { ...set, "x-delivery-limit": DELIVERY_LIMIT } : set,
    });
    await channel.bindQueue(name, tasks, routingKey(queue, level));
  }
}

/**
 * The queue of what prefers a worker. Its time to live is 0: what the worker cannot take at once,
 * because it is busy or gone, goes on to `tasks` under the routing key that it came with.
 */
export async function declareWorkerQueue(
  channel: Channel,
  topology: Topology,
  workerId: string,
  queues: readonly string[],
): Promise<string> {
  const name = workerQueue(topology, workerId);
  await channel.assertQueue(name, {
    durable: true,
    messageTtl: 0,
    expires: WORKER_QUEUE_EXPIRES_MS,
    deadLetterExchange: topology.tasks,
    arguments: { "x-queue-type": "classic" },
  });
  for (const queue of queues) {
    const wanted = { "x-match": "all", ...preferenceOf(workerId, queue) };
    await channel.bindQueue(name, topology.preferred, "", wanted);
  }
  return name;
}

/** Headers of a message that prefers a worker. */
export function preferenceOf(workerId: string, queue: string): Record<string, string> {
  return { worker: workerId, queue };
}
