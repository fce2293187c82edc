/** A queue and the steps that tests of a queue are told in. */
import type { QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import type {
  ConsumeOptions,
  Consumer,
  Delivery,
  MessageQueue,
} from "../../../src/queue/contract.ts";
import { QUEUE, queueMessage } from "../../harness/builders.ts";

export interface QueueOverrides {
  readonly maxLength?: number;
  readonly ageingMs?: number;
}

/** A broker for one test: empty at first, gone after `dispose`, which also looks for leaks. */
export interface QueueFixture {
  /** What tests count time in; a real server takes a few milliseconds, a fake clock anything. */
  readonly unitMs: number;
  /** A started queue; several share the broker where processes could. */
  make(overrides?: QueueOverrides): Promise<MessageQueue>;
  /** Lets at least that much of the broker's time pass. */
  advance(byMs: number): Promise<void>;
  dispose(): Promise<void>;
}

/** For receives that wait as long as the test does. */
export const never = new AbortController().signal;

export class QueueScene {
  #fixture: QueueFixture | undefined;
  #queue: MessageQueue | undefined;

  async open(fixture: QueueFixture): Promise<void> {
    this.#fixture = fixture;
    this.#queue = await fixture.make();
  }

  async close(): Promise<void> {
    await this.#fixture?.dispose();
  }

  /** Goes on with a queue of other options. */
  async renew(overrides: QueueOverrides): Promise<void> {
    this.#queue = await this.fixture.make(overrides);
  }

  get fixture(): QueueFixture {
    if (!this.#fixture) throw new Error("the scene is not open");
    return this.#fixture;
  }

  get queue(): MessageQueue {
    if (!this.#queue) throw new Error("the scene is not open");
    return this.#queue;
  }

  consume(overrides: Partial<ConsumeOptions> = {}): Promise<Consumer> {
    return this.queue.consume({ queues: [QUEUE], workerId: "w1", prefetch: 1000, ...overrides });
  }

  async next(consumer: Consumer): Promise<Delivery> {
    const delivery = await consumer.receive(never);
    if (!delivery) throw new Error("the consumer is closed");
    return delivery;
  }

  async take(consumer: Consumer, count: number): Promise<string[]> {
    const taskIds: string[] = [];
    while (taskIds.length < count) {
      const delivery = await this.next(consumer);
      taskIds.push(delivery.message.taskId);
      await delivery.ack();
    }
    return taskIds;
  }

  /** What a consumer gets within a unit of time; undefined when it gets nothing. */
  async glance(consumer: Consumer): Promise<Delivery | undefined> {
    const controller = new AbortController();
    const receiving = consumer.receive(controller.signal);
    await this.fixture.advance(this.fixture.unitMs);
    controller.abort();
    return receiving;
  }
}

export function ids(messages: readonly QueueMessage[]): string[] {
  return messages.map(({ taskId }) => taskId);
}

export function several(count: number, priority = Priority.NORMAL): QueueMessage[] {
  return Array.from({ length: count }, () => queueMessage({ priority }));
}
