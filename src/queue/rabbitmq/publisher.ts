/**
 * Publishes on a confirm channel, persistent and mandatory: done is what the broker has confirmed and
 * routed. Nothing waits for a connection, and what has no confirm in time ends the connection.
 */
import { toBinary } from "@bufbuild/protobuf";
import type { ConfirmChannel, Options } from "amqplib";
import {
  type QueueMessage,
  QueueMessageSchema,
} from "../../../gen/agentlane/store/v1/record_pb.js";
import type { Clock, Timer } from "../../clock.ts";
import type { AgentlaneError } from "../../errors.ts";
import { type Link, LinkedList } from "../../linked-list.ts";
import { messageIdOf } from "./arrival.ts";
import type { Connection } from "./connection.ts";
import { unavailable } from "./connection-errors.ts";
import { levelOf } from "./levels.ts";
import { preferenceOf, routingKey, type Topology } from "./topology.ts";

const CONFIRM_TIMEOUT_MS = 2000;
/** Messages waiting for their confirm; with two seconds' limit on it, far above any load. */
const MAX_UNCONFIRMED = 20_000;

export interface PublisherParts {
  readonly clock: Clock;
  readonly topology: Topology;
  readonly connection: Connection;
}

interface Waiting {
  readonly deadlineMs: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
}

/** Returned = no queue is bound to its routing key. */
type Outcome = "confirmed" | "returned";

export class Publisher {
  readonly #parts: PublisherParts;
  #channel: ConfirmChannel | undefined;
  /** All have the same limit, so the first one waiting is the first one due. */
  readonly #waiting = new LinkedList<Waiting>();
  readonly #returned = new Set<string>();
  #deadline: Timer | undefined;
  #messageCount = 0;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** From now on on this channel. */
  use(channel: ConfirmChannel): void {
    this.#channel = channel;
    this.#returned.clear();
    channel.on("return", ({ properties }) => this.#returned.add(String(properties.messageId)));
    const giveUp = (error: Error): void => {
      if (this.#channel === channel) this.#parts.connection.giveUp(error);
    };
    channel.on("error", giveUp);
    channel.on("close", () => giveUp(new Error("channel closed")));
  }

  /** Nobody will be told of what waits for a confirm. */
  fail(failure: AgentlaneError): void {
    this.#deadline?.clear();
    this.#deadline = undefined;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) next.reject(failure);
  }

  /** Answers those that were returned; rejects with the first failure, after all were tried. */
  async publish(messages: readonly QueueMessage[]): Promise<QueueMessage[]> {
    this.#parts.connection.requireUnblocked();
    if (this.#waiting.size + messages.length > MAX_UNCONFIRMED) {
      throw unavailable(
        "RABBITMQ_BEHIND",
        `${MAX_UNCONFIRMED} messages wait for RabbitMQ to confirm them`,
      );
    }
    const [only] = messages;
    if (only && messages.length === 1) {
      return (await this.#send(only)) === "returned" ? [only] : [];
    }
    const outcomes = await Promise.allSettled(messages.map((message) => this.#send(message)));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
    return messages.filter((_, index) => {
      const outcome = outcomes[index];
      return outcome?.status === "fulfilled" && outcome.value === "returned";
    });
  }

  #send(message: QueueMessage): Promise<Outcome> {
    const channel = this.#channel;
    if (!channel) return Promise.reject(this.#parts.connection.failure());
    const { clock, connection, topology } = this.#parts;
    const id = messageIdOf(Math.round(clock.now()), ++this.#messageCount);
    return new Promise((resolve, reject) => {
      const deadlineMs = clock.monotonic() + CONFIRM_TIMEOUT_MS;
      const place: Link<Waiting> = this.#waiting.append({ deadlineMs, resolve, reject });
      if (!this.#deadline) this.#planDeadline();
      const confirmed = (error: unknown): void => {
        this.#waiting.remove(place);
        // A return comes before the confirm of the same message.
        const wasReturned = this.#returned.delete(id);
        if (error) reject(notTaken(error));
        else resolve(wasReturned ? "returned" : "confirmed");
      };
      const key = routingKey(message.queue, levelOf(message));
      const content = Buffer.from(toBinary(QueueMessageSchema, message));
      const isPreferring = message.preferredWorkerId !== "";
      const exchange = isPreferring ? topology.preferred : topology.tasks;
      try {
        channel.publish(exchange, key, content, optionsOf(message, id), confirmed);
        connection.gather();
      } catch (error) {
        confirmed(error);
      }
    });
  }

  /** One timer for all messages: it is set again only when it fires. */
  #planDeadline(): void {
    const { clock, connection } = this.#parts;
    const first = this.#waiting.first;
    this.#deadline = undefined;
    if (!first) return;
    const leftMs = first.deadlineMs - clock.monotonic();
    if (leftMs > 0) this.#deadline = clock.setTimer(leftMs, () => this.#planDeadline());
    else connection.giveUp(new Error(`no confirm within ${CONFIRM_TIMEOUT_MS} ms`));
  }
}

function optionsOf({ preferredWorkerId, queue }: QueueMessage, messageId: string): Options.Publish {
  const options = { messageId, mandatory: true, persistent: true };
  if (preferredWorkerId === "") return options;
  return { ...options, headers: preferenceOf(preferredWorkerId, queue) };
}

function notTaken(error: unknown): AgentlaneError {
  return unavailable("RABBITMQ_NOT_CONFIRMED", "RabbitMQ did not take a message", error);
}
