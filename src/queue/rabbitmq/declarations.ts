/**
 * Named queues come into being when first named, on each connection anew. That one was deleted is
 * told by what is returned, but not where a queue of an operator takes the messages too; so as long
 * as something is published, the declaration is repeated.
 */
import type { ChannelModel } from "amqplib";
import type { Clock } from "../../clock.ts";
import type { Connection } from "./connection.ts";
import { declareQueue, type Topology } from "./topology.ts";

const REPEAT_MS = 5000;

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
  readonly #clock: Clock;
  /** When they were last declared. */
  readonly #done = new Map<string, number>();
  readonly #going = new Map<string, Promise<void>>();

  constructor(connection: Connection, topology: Topology, clock: Clock) {
    this.#connection = connection;
    this.#topology = topology;
    this.#clock = clock;
  }

  /** Whether it was declared. When that was long ago, it is repeated, and nobody waits for it. */
  has(queue: string): boolean {
    const doneAtMs = this.#done.get(queue);
    if (doneAtMs === undefined) return false;
    if (this.#clock.monotonic() - doneAtMs > REPEAT_MS) {
      this.declare(queue).catch(() => this.forget(queue));
    }
    return true;
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
    this.#done.set(queue, this.#clock.monotonic());
  }
}
