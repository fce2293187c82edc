/**
 * The RabbitMQ adapter of the EventBus seam. Tasks share a fixed number of routing keys, to which the
 * process's own queue is bound when a watcher first needs one, and for a while after: under load
 * nearly no watch waits for a binding, and what a process hears of others' tasks it drops by the topic
 * in front of the payload, without decoding it.
 */
import type { Channel as AmqpChannel, ChannelModel } from "amqplib";
import type { Clock, Random, Timer } from "../../clock.ts";
import { AgentlaneError } from "../../errors.ts";
import type { NewId } from "../../ids.ts";
import { service } from "../../lifecycle.ts";
import { type Channel, channelName, openChannel } from "../channel.ts";
import type { EventBus } from "../contract.ts";
import { encodeNotice, noticeOf, topicOf } from "../notice-frame.ts";
import { Connection } from "./connection.ts";

/** How long a binding outlives its last watcher. */
const LINGER_MS = 10_000;
/** Notices that wait for this process; the oldest go first, and are found in the store. */
const MAX_WAITING = 10_000;

export interface RabbitBusOptions {
  /** amqp:// or amqps://. */
  readonly url: string;
  /** In front of all names: one for an installation. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: NewId;
  /** Told what an operator should know: a lost connection, unreadable notices. */
  readonly onWarning?: (message: string, error?: unknown) => void;
}

export function createRabbitEventBus(options: RabbitBusOptions): EventBus {
  const { clock, prefix, onWarning } = options;
  const exchange = `${prefix}.events`;
  const channels = new Map<string, Channel>();
  let link: { readonly channel: AmqpChannel; readonly queue: string } | undefined;
  /** What was published faster than the connection takes it is dropped. */
  let isFull = false;
  let started = false;
  let sweep: Timer | undefined;

  const connection = new Connection({
    ...options,
    name: "agentlane-bus",
    open: openLink,
    onDown: () => {
      link = undefined;
    },
    onLost: (error) => onWarning?.("the event bus lost its connection to RabbitMQ", error),
  });

  async function openLink(model: ChannelModel): Promise<void> {
    const channel = await connection.reply(model.createChannel());
    const giveUp = (error: Error): void => {
      if (link?.channel === channel) connection.giveUp(error);
    };
    channel.on("error", giveUp);
    channel.on("close", () => giveUp(new Error("channel closed")));
    channel.on("drain", () => {
      isFull = false;
    });
    isFull = false;
    const queue = `${prefix}.bus.${options.newId()}`;
    await connection.reply(channel.assertExchange(exchange, "direct", { durable: true }));
    await connection.reply(
      channel.assertQueue(queue, {
        durable: false,
        exclusive: true,
        autoDelete: true,
        maxLength: MAX_WAITING,
        overflow: "drop-head",
      }),
    );
    for (const name of channels.keys()) {
      await connection.reply(channel.bindQueue(queue, exchange, name));
    }
    const onMessage = (raw: { readonly content: Buffer } | null): void => {
      if (raw) hear(raw.content);
      else giveUp(new Error(`queue ${queue} was deleted`));
    };
    await connection.reply(channel.consume(queue, onMessage, { noAck: true }));
    link = { channel, queue };
  }

  function hear(payload: Buffer): void {
    try {
      const topic = topicOf(payload);
      const listeners = channels.get(channelName(topic))?.listenersOf(topic);
      if (!listeners || listeners.size === 0) return;
      const notice = noticeOf(payload);
      for (const entry of listeners) if (!entry.isClosed) entry.listener(notice);
    } catch (error) {
      onWarning?.("an unreadable notice was ignored", error);
    }
  }

  async function bind(name: string): Promise<void> {
    if (!link) throw connection.failure();
    await connection.reply(link.channel.bindQueue(link.queue, exchange, name));
  }

  function unbind(name: string): void {
    // A binding that stays costs a few ignored notices.
    link?.channel.unbindQueue(link.queue, exchange, name).catch(() => undefined);
  }

  function channelOf(topic: string): Channel {
    const name = channelName(topic);
    let channel = channels.get(name);
    if (!channel) {
      channel = openChannel({
        subscribe: () => bind(name),
        unsubscribe: () => unbind(name),
        onFailure: () => channels.delete(name),
      });
      channels.set(name, channel);
    }
    return channel;
  }

  function planSweep(): void {
    sweep = clock.setTimer(LINGER_MS, () => {
      for (const [name, channel] of channels) if (channel.closeIfIdle()) channels.delete(name);
      planSweep();
    });
  }

  const open = async (): Promise<void> => {
    await connection.start();
    started = true;
    planSweep();
  };
  const close = async (): Promise<void> => {
    started = false;
    sweep?.clear();
    for (const channel of channels.values()) channel.drop();
    channels.clear();
    await connection.stop();
  };

  return {
    type: "rabbitmq",
    ...service(open, close),

    publish(topic, notice) {
      if (!started || !link || isFull || connection.blockedFor !== undefined) return;
      const frame = encodeNotice(topic, notice);
      try {
        isFull = !link.channel.publish(exchange, channelName(topic), frame);
      } catch {
        // It was closing: the notice is one of those that get lost.
      }
    },

    async subscribe(topic, listener) {
      if (!started) throw new AgentlaneError("unavailable", "BUS_STOPPED", "the bus is stopped");
      return channelOf(topic).add(topic, listener);
    },
  };
}
