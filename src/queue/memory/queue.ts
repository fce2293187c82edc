/** The memory adapter of the MessageQueue seam, for one process. */
import type { Clock } from "../../clock.ts";
import { AgentlaneError } from "../../errors.ts";
import { service } from "../../lifecycle.ts";
import type { MessageQueue, QueueDepth } from "../contract.ts";
import { MemoryConsumer } from "./consumer.ts";
import { NamedQueue } from "./named-queue.ts";

const DEFAULT_AGEING_MS = 15_000;
/** Far above any MAX_QUEUE_SIZE: doorbells may double, tasks may not. */
const DEFAULT_MAX_LENGTH = 100_000;
/** A hint for whoever met a full queue, not a promise. */
const QUEUE_FULL_RETRY_MS = 1000;

export interface MemoryQueueOptions {
  readonly clock: Clock;
  /** Waiting messages a queue may hold. Default 100 000. */
  readonly maxLength?: number;
  /** A waiting message gains one priority level per interval. Default 15 s. */
  readonly ageingMs?: number;
}

export function createMemoryQueue(options: MemoryQueueOptions): MessageQueue {
  const { clock, maxLength = DEFAULT_MAX_LENGTH, ageingMs = DEFAULT_AGEING_MS } = options;
  const queues = new Map<string, NamedQueue>();
  const consumers = new Set<MemoryConsumer>();
  let started = false;

  function named(name: string): NamedQueue {
    let queue = queues.get(name);
    if (!queue) {
      queue = new NamedQueue(clock, ageingMs);
      queues.set(name, queue);
    }
    return queue;
  }

  function refuseStopped(): void {
    if (!started) throw new AgentlaneError("unavailable", "QUEUE_STOPPED", "the queue is stopped");
  }

  const open = async (): Promise<void> => {
    started = true;
  };
  const close = async (): Promise<void> => {
    started = false;
    for (const consumer of consumers) await consumer.close();
    for (const queue of queues.values()) queue.endDelays();
  };

  return {
    type: "memory",
    ...service(open, close),

    async publish(messages) {
      refuseStopped();
      const touched = new Set<NamedQueue>();
      for (const [name, added] of Map.groupBy(messages, ({ queue }) => queue)) {
        if (named(name).length + added.length > maxLength) throw full(name, maxLength);
      }
      for (const message of messages) {
        const queue = named(message.queue);
        queue.add(message);
        touched.add(queue);
      }
      for (const queue of touched) queue.dispatch();
    },

    async consume(consumeOptions) {
      refuseStopped();
      const consumer: MemoryConsumer = new MemoryConsumer(consumeOptions, {
        clock,
        queues: [...new Set(consumeOptions.queues)].map(named),
        onClose: () => void consumers.delete(consumer),
      });
      consumers.add(consumer);
      return consumer;
    },

    async depth(queue) {
      return queues.get(queue)?.depth() ?? NO_DEPTH;
    },

    async check() {
      refuseStopped();
    },
  };
}

const NO_DEPTH: QueueDepth = {
  pendingCount: 0,
  pendingByPriority: new Map(),
  unsettledCount: 0,
  deadLetteredCount: 0,
  oldestPublishedAt: undefined,
};

function full(name: string, maxLength: number): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "QUEUE_FULL",
    `queue ${name} holds its maximum of ${maxLength} messages`,
    { retryAfterMs: QUEUE_FULL_RETRY_MS },
  );
}
