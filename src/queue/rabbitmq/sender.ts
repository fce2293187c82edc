/**
 * The connection that publishes, apart from the one that consumes: a broker under an alarm stops to
 * read from connections that publish, and acks must still reach it.
 */
import type { QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import { type Clock, type Random, sleepOn } from "../../clock.ts";
import { Connection, withPatience, withRetries } from "./connection.ts";
import { unavailable } from "./connection-errors.ts";
import { Declarations } from "./declarations.ts";
import { Publisher } from "./publisher.ts";
import { declareExchanges, type Topology } from "./topology.ts";

/**
 * A quorum queue that is there again at once looks to the broker as if it had never gone: it tells
 * its consumers nothing and sends them nothing.
 */
const GONE_MS = 500;

export interface SenderOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly onWarning?: (message: string, error?: unknown) => void;
  /** Counts connections that are lost and built anew, by their name. */
  readonly onConnectionLost?: (connection: string) => void;
}

export interface Sender {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves when the queues exist. */
  declare(messages: readonly QueueMessage[]): Promise<void>;
  /** Resolves when the broker has all of them in queues. */
  send(messages: readonly QueueMessage[]): Promise<void>;
  /** Throws `unavailable` while there is no connection. */
  check(): void;
}

export function createSender(options: SenderOptions, topology: Topology): Sender {
  const { clock, onWarning } = options;
  const connection = new Connection({
    ...options,
    name: "agentlane-publish",
    open: async (model) => {
      declarations.clear();
      const channel = await connection.reply(model.createConfirmChannel());
      publisher.use(channel);
      await connection.reply(declareExchanges(channel, topology));
    },
    onDown: (failure) => publisher.fail(failure),
    // Nobody is to wait for confirms until the alarm is over.
    onBlocked: (failure) => publisher.fail(failure),
    onLost: (error) => onWarning?.("the queue lost its connection to RabbitMQ", error),
  });
  const publisher = new Publisher({ clock, topology, connection });
  const declarations = new Declarations(connection, topology, clock);

  async function declare(messages: readonly QueueMessage[]): Promise<void> {
    connection.requireUnblocked();
    for (const { queue } of messages) {
      if (declarations.has(queue)) continue;
      const declaring = withRetries(options, () => declarations.declare(queue));
      await withPatience(clock, declaring);
    }
  }

  return {
    start: () => connection.start(),
    stop: () => connection.stop(),
    declare,
    async send(messages) {
      const returned = await publisher.publish(messages);
      if (returned.length === 0) return;
      // Somebody has deleted a queue: it is declared again, and only then it is a failure.
      const names = new Set(returned.map(({ queue }) => queue));
      for (const name of names) declarations.forget(name);
      await sleepOn(clock, GONE_MS, new AbortController().signal);
      await declare(returned);
      if ((await publisher.publish(returned)).length === 0) return;
      const named = [...names].join(", ");
      throw unavailable("RABBITMQ_UNROUTABLE", `RabbitMQ has no queue bound for ${named}`);
    },
    check() {
      if (!connection.isReady) throw connection.failure();
    },
  };
}
