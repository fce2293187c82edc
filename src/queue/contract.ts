/**
 * Seam: how ready work is found. A message is a doorbell: it says only "this task is ready". The
 * truth is in the store, so losing or doubling a message costs time, never a task.
 */
import type { Notice, QueueMessage } from "../../gen/agentlane/store/v1/record_pb.js";
import type { Priority } from "../../gen/agentlane/v1/task_pb.js";
import type { Service } from "../lifecycle.ts";

export interface MessageQueue extends Service {
  /** memory, redis or rabbitmq. */
  readonly type: string;
  /**
   * Resolves when the broker has confirmed all messages. Rejects with `unavailable` when it did not
   * (some may be in the queue all the same) and `resource_exhausted` when a queue is full.
   */
  publish(messages: readonly QueueMessage[]): Promise<void>;
  /** A consumer of the named queues. Queues come into being when first named. */
  consume(options: ConsumeOptions): Promise<Consumer>;
  /** Figures of a queue; zeros for one that does not exist. */
  depth(queue: string): Promise<QueueDepth>;
  /** Resolves when the broker answers; rejects with `unavailable` and the reason otherwise. */
  check(): Promise<void>;
}

export interface ConsumeOptions {
  readonly queues: readonly string[];
  /** Messages that name this worker as preferred come here first, while it receives. */
  readonly workerId: string;
  /** How many deliveries may be unsettled at once; ≥ 1. */
  readonly prefetch: number;
  /**
   * The lease with which the worker claims what it is delivered. A queue whose messages the store rings
   * by itself may deliver them claimed for this worker: its store then answers the claim at once.
   * Absent = claim nothing for it.
   */
  readonly leaseMs?: number;
}

export interface Consumer {
  /**
   * The next delivery: highest priority first, first in first out inside a priority, and a message
   * gains one level per ageing interval it has waited, so none starves; nor does a queue, whatever
   * waits in the consumer's others. Waits until there is one.
   * Resolves with undefined when `signal` aborts or the consumer is closed. May be called several
   * times at once; each message goes to exactly one call.
   */
  receive(signal: AbortSignal): Promise<Delivery | undefined>;
  /** When receive last worked (returned a delivery, or polled and found none), for readiness. */
  lastPolledAt(): number;
  /** Unsettled deliveries go back to the queue. Idempotent. */
  close(): Promise<void>;
}

/**
 * A message in a consumer's hand. Settling twice, or after close, does nothing. It rejects with
 * `unavailable` when the connection broke, and then the broker delivers the message again.
 */
export interface Delivery {
  readonly message: QueueMessage;
  /** Whether it was delivered before and not acked. */
  readonly redelivered: boolean;
  /** Forgets the message. Called once the claim is recorded (or refused). */
  ack(): Promise<void>;
  /** Puts it back: at once, at the head of its priority, or after a delay. */
  nack(options?: { delayMs?: number }): Promise<void>;
}

export interface QueueDepth {
  /** Messages waiting for a consumer. */
  readonly pendingCount: number;
  readonly pendingByPriority: ReadonlyMap<Priority, number>;
  /** Deliveries not yet settled; of this process, where the broker does not tell those of others. */
  readonly unsettledCount: number;
  /** Messages that could not be read and were set aside. */
  readonly deadLetteredCount: number;
  /** When the oldest waiting message was published; undefined when none waits. */
  readonly oldestPublishedAt: number | undefined;
}

/**
 * Seam: low-latency fan-out of notices between processes. It may lose a notice, never invents or
 * changes one, and keeps the order of one publisher on one topic; whoever needs certainty asks the
 * store. Notices are immutable once published.
 */
export interface EventBus extends Service {
  /** memory, redis or rabbitmq. */
  readonly type: string;
  /** Best effort; never throws and never waits. */
  publish(topic: string, notice: Notice): void;
  /** Resolves when notices published from now on reach `listener`, which must not throw or block. */
  subscribe(topic: string, listener: (notice: Notice) => void): Promise<Subscription>;
}

export interface Subscription {
  /** Idempotent; after it the listener is never called. */
  close(): void;
}

/** Where a task's watchers listen. */
export function taskTopic(tenant: string, taskId: string): string {
  return `task/${tenant}/${taskId}`;
}

/** Where all workers listen: cancels and replaced sessions. */
export const WORKERS_TOPIC = "workers";
