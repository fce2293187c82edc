/** A queue whose calls to the broker are timed. */
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import { METRICS } from "../telemetry/metric-definitions.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import {
  MESSAGING_OPERATION_ACK,
  MESSAGING_OPERATION_NACK,
  MESSAGING_OPERATION_SEND,
} from "../telemetry/names.ts";
import type { Consumer, Delivery, MessageQueue } from "./contract.ts";

export function measureQueue(queue: MessageQueue, metrics: Metrics, clock: Clock): MessageQueue {
  const durations = metrics.histogram(METRICS.messagingOperation);

  function time<T>(operation: string, destination: string, ask: () => Promise<T>): Promise<T> {
    const startedAt = clock.monotonic();
    const end = (errorType: string): void => {
      const seconds = (clock.monotonic() - startedAt) / 1000;
      durations.record(seconds, operation, queue.type, destination, errorType);
    };
    return ask().then(
      (answer) => {
        end("");
        return answer;
      },
      (error: unknown) => {
        end(error instanceof AgentlaneError ? error.reason : "UNKNOWN");
        throw error;
      },
    );
  }

  function measureDelivery(delivery: Delivery): Delivery {
    const { message, redelivered } = delivery;
    return {
      message,
      redelivered,
      ack: () => time(MESSAGING_OPERATION_ACK, message.queue, () => delivery.ack()),
      nack: (options) =>
        time(MESSAGING_OPERATION_NACK, message.queue, () => delivery.nack(options)),
    };
  }

  function measureConsumer(consumer: Consumer): Consumer {
    return {
      async receive(signal) {
        const delivery = await consumer.receive(signal);
        return delivery && measureDelivery(delivery);
      },
      lastPolledAt: () => consumer.lastPolledAt(),
      close: () => consumer.close(),
    };
  }

  return {
    type: queue.type,
    start: () => queue.start(),
    stop: () => queue.stop(),
    publish(messages) {
      // Of several queues the first stands for all: one confirmation tells of them together.
      const destination = messages[0]?.queue ?? "";
      return time(MESSAGING_OPERATION_SEND, destination, () => queue.publish(messages));
    },
    consume: async (options) => measureConsumer(await queue.consume(options)),
    depth: (name) => queue.depth(name),
    check: () => queue.check(),
  };
}
