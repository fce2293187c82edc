import type { Consumer, Delivery, MessageQueue } from "../../src/queue/contract.ts";
import type { CallFaults } from "./call-faults.ts";
import type { FakeProcess } from "./fake-process.ts";

/** A broker that can lose everything, whose clients reconnect as a driver does. */
export interface FakeBroker extends MessageQueue {
  /** All messages are gone and all connections break. */
  flush(): Promise<void>;
}

/** `create` makes the broker anew: empty. */
export function fakeBroker(create: () => MessageQueue): FakeBroker {
  let queue = create();
  return {
    type: queue.type,
    start: () => queue.start(),
    stop: () => queue.stop(),
    async flush() {
      const old = queue;
      queue = create();
      await queue.start();
      await old.stop();
    },
    publish: (messages) => queue.publish(messages),
    consume: (options) => reconnecting(() => queue.consume(options)),
    depth: (name) => queue.depth(name),
    check: () => queue.check(),
  };
}

/** A consumer that opens another connection when the broker ends its own. */
async function reconnecting(connect: () => Promise<Consumer>): Promise<Consumer> {
  let consumer = await connect();
  let connecting: Promise<Consumer> | undefined;
  let closed = false;

  async function reconnect(broken: Consumer): Promise<void> {
    if (consumer !== broken) return;
    connecting ??= connect();
    consumer = await connecting;
    connecting = undefined;
  }

  return {
    async receive(signal) {
      while (!closed && !signal.aborted) {
        const current = consumer;
        const delivery = await current.receive(signal);
        if (delivery) return delivery;
        if (!closed && !signal.aborted) await reconnect(current);
      }
      return undefined;
    },
    lastPolledAt: () => consumer.lastPolledAt(),
    async close() {
      closed = true;
      await consumer.close();
    },
  };
}

/** Counts of messages to come that a process's publishes lose or double. */
export interface QueueFaults {
  loseCount: number;
  doubleCount: number;
}

/** The broker as one process reaches it; when the process dies, its deliveries go back. */
export function faultQueue(
  broker: MessageQueue,
  process: FakeProcess,
  { call }: CallFaults,
  faults: QueueFaults,
): MessageQueue {
  return {
    type: broker.type,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    publish: (messages) =>
      call("publish", () => {
        const kept = messages.flatMap((message) => {
          if (faults.loseCount > 0) {
            faults.loseCount--;
            return [];
          }
          if (faults.doubleCount === 0) return [message];
          faults.doubleCount--;
          return [message, message];
        });
        return broker.publish(kept);
      }),
    async consume(options) {
      const consumer = await call("consume", () => broker.consume(options));
      process.onKill(() => void consumer.close());
      return {
        async receive(signal) {
          const delivery = await consumer.receive(signal);
          if (process.state !== "running") await process.turn();
          return delivery && faultDelivery(delivery, call);
        },
        lastPolledAt: () => consumer.lastPolledAt(),
        close: () => call("close", () => consumer.close()),
      };
    },
    depth: (name) => call("depth", () => broker.depth(name)),
    check: () => call("check", () => broker.check()),
  };
}

function faultDelivery(delivery: Delivery, call: CallFaults["call"]): Delivery {
  /** It fails when the connection broke, and then the broker hands the message out again. */
  async function settle(operation: string, run: () => Promise<void>): Promise<void> {
    try {
      await call(operation, run);
    } catch (error) {
      await delivery.nack();
      throw error;
    }
  }

  return {
    message: delivery.message,
    redelivered: delivery.redelivered,
    ack: () => settle("ack", () => delivery.ack()),
    nack: (options) => settle("nack", () => delivery.nack(options)),
  };
}
