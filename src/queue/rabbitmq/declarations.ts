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
  readonly #done = new Set<string>();
  readonly #going = new Map<string, Promise<void>>();

  constructor(connection: Connection, topology: Topology) {
    this.#connection = connection;
    this.#topology = topology;
  }

  has(queue: string): boolean {
    return this.#done.has(queue);
  }

  /** At once only one a name. */
  declare(queue: string): Promise<void> {
    let going = this.#going.get(queue);
    if (!going) {
      going = this.#declare(queue).finally(() => this.#going.delete(queue));
      this.#going.set(queue, going);
    }
    return going;
  }

  forget(queue: string): void {
    this.#done.delete(queue);
  }

  /** On a new connection nothing is known. */
  clear(): void {
    this.#done.clear();
  }

  async #declare(queue: string): Promise<void> {
    await declareOn(this.#connection, this.#connection.model(), this.#topology, queue);
    this.#done.add(queue);
  }
}
