/**
 * The RabbitMQ adapter of the EventBus seam. Tasks share a fixed number of routing keys, to which the
 * process's own queue is bound when a watcher first needs one, and for a while after: under load
 * nearly no watch waits for a binding, and what a process hears of others' tasks it drops by the topic
 * in front of the payload, without decoding it.
 */
import type { Clock, Random, Timer } from "../../clock.ts";
import { AgentlaneError } from "../../errors.ts";
import type { NewId } from "../../ids.ts";
import { service } from "../../lifecycle.ts";
import { type Channel, channelName, openChannel } from "../channel.ts";
import type { EventBus } from "../contract.ts";
import { encodeNotice, noticeOf, topicOf } from "../notice-frame.ts";
import { BusLink } from "./bus-link.ts";

/** How long a binding outlives its last watcher. */
const LINGER_MS = 10_000;

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
  /** Counts connections that are lost and built anew, by their name. */
  readonly onConnectionLost?: (connection: string) => void;
}

export function createRabbitEventBus(options: RabbitBusOptions): EventBus {
  const { clock, onWarning } = options;
  const channels = new Map<string, Channel>();
  let started = false;
  let sweep: Timer | undefined;

  const link = new BusLink({
    ...options,
    onPayload: hear,
    onLost: (error) => onWarning?.("the event bus lost its connection to RabbitMQ", error),
  });

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

  function channelOf(topic: string): Channel {
    const name = channelName(topic);
    let channel = channels.get(name);
    if (!channel) {
      channel = openChannel({
        subscribe: () => link.bind(name),
        unsubscribe: () => link.unbind(name),
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
    await link.start();
    started = true;
    planSweep();
  };
  const close = async (): Promise<void> => {
    started = false;
    sweep?.clear();
    for (const channel of channels.values()) channel.drop();
    channels.clear();
    await link.stop();
  };

  return {
    type: "rabbitmq",
    ...service(open, close),

    publish(topic, notice) {
      if (started) link.publish(channelName(topic), encodeNotice(topic, notice));
    },

    async subscribe(topic, listener) {
      if (!started) throw new AgentlaneError("unavailable", "BUS_STOPPED", "the bus is stopped");
      return channelOf(topic).add(topic, listener);
    },
  };
}
