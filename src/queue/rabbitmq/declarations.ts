/** Named queues come into being when first named, on each connection anew. */
import type { ChannelModel } from "amqplib";
import type { Connection } from "./connection.ts";
import { declareQueue, type Topology } from "./topology.ts";

/** On a channel of its own, which ends when something of that name has other settings. */
export async function declareOn(
  connection: Connection,
  model: ChannelModel,
  topology: Topology,
  queue: string,
): Promise<void> {
  const channel = await connection.reply(model.createChannel());
  channel.on("error", () => undefined);
  await connection.reply(declareQueue(channel, topology, queue));
  await connection.reply(channel.close());
}

export class Declarations {
  readonly #connection: Connection;
  readonly #topology: Topology;
  readonly #done = new Map<string, Promise<void>>();

  constructor(connection: Connection, topology: Topology) {
    this.#connection = connection;
    this.#topology = topology;
  }

  /** Once a name, as far as nobody says that it is gone. */
  async declare(queues: Iterable<string>): Promise<void> {
    for (const queue of new Set(queues)) {
      const declaring =
        this.#done.get(queue) ??
        declareOn(this.#connection, this.#connection.model(), this.#topology, queue);
      this.#done.set(queue, declaring);
      declaring.catch(() => this.#done.delete(queue));
      await declaring;
    }
  }

  forget(queues: Iterable<string>): void {
    for (const queue of queues) this.#done.delete(queue);
  }

  clear(): void {
    this.#done.clear();
  }
}
