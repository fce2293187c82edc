/**
 * The connection that publishes, apart from the one that consumes: a broker under an alarm stops to
 * read from connections that publish, and acks must still reach it.
 */
import type { QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import type { Clock, Random } from "../../clock.ts";
import { Connection } from "./connection.ts";
import { unavailable } from "./connection-errors.ts";
import { Declarations } from "./declarations.ts";
import { Publisher } from "./publisher.ts";
import { declareExchanges, type Topology } from "./topology.ts";

export interface SenderOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly onWarning?: (message: string, error?: unknown) => void;
}

export interface Sender {
  start(): Promise<void>;
  stop(): Promise<void>;
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
    onLost: (error) => onWarning?.("the queue lost its connection to RabbitMQ", error),
  });
  const publisher = new Publisher({ clock, topology, connection });
  const declarations = new Declarations(connection, topology);

  async function attempt(messages: readonly QueueMessage[]): Promise<QueueMessage[]> {
    connection.requireUnblocked();
    await declarations.declare(messages.map(({ queue }) => queue));
    return publisher.publish(messages);
  }

  return {
    start: () => connection.start(),
    stop: () => connection.stop(),
    async send(messages) {
      const returned = await attempt(messages);
      if (returned.length === 0) return;
      // Somebody has deleted a queue: it is declared again, and only then it is a failure.
      const names = new Set(returned.map(({ queue }) => queue));
      declarations.forget(names);
      if ((await attempt(returned)).length === 0) return;
      const named = [...names].join(", ");
      throw unavailable("RABBITMQ_UNROUTABLE", `RabbitMQ has no queue bound for ${named}`);
    },
    check() {
      if (!connection.isReady) throw connection.failure();
    },
  };
}
