/**
 * The Redis adapter of the EventBus seam, on PUBLISH. Tasks share a fixed number of channels, which
 * a process subscribes to when a watcher first needs one and keeps for a while: under load nearly no
 * watch waits for a SUBSCRIBE, and what a process hears of others' tasks it drops by the topic in
 * front of the payload, without decoding it.
 */
import type { Clock, Timer } from "../../clock.ts";
import { AgentlaneError } from "../../errors.ts";
import { service } from "../../lifecycle.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import { noticeOf, topicOf } from "../../redis/notice-frame.ts";
import { type Channel, channelName, openChannel } from "../channel.ts";
import type { EventBus } from "../contract.ts";
import { encodeNotice } from "../notice-frame.ts";
import { loadQueueFunctions } from "./functions.ts";
import { createNotices } from "./notices.ts";

/** How long a channel outlives its last watcher. */
const LINGER_MS = 10_000;
/** Notices on their way; more are dropped, and found in the store by whoever needs them. */
const MAX_UNCONFIRMED = 10_000;

export interface RedisBusOptions {
  readonly connection: RedisConnection;
  /** In front of all channels, as a hash tag: one for an installation. */
  readonly prefix: string;
  readonly clock: Clock;
  /** Told of unreadable and lost notices. */
  readonly onWarning?: (message: string, error?: unknown) => void;
}

export function createRedisEventBus(options: RedisBusOptions): EventBus {
  const { connection, clock, onWarning } = options;
  const root = `{${options.prefix}}:b:`;
  const channels = new Map<string, Channel>();
  let unconfirmedCount = 0;
  let started = false;
  let sweep: Timer | undefined;

  const tell = createNotices({
    connection,
    operation: loadQueueFunctions().tell,
    root: `{${options.prefix}}:mq:`,
    onFailure: (error) => onWarning?.("a notice may be lost", error),
    onSent(count) {
      unconfirmedCount -= count;
    },
  });

  function hear(channel: Channel, payload: Buffer): void {
    try {
      const listeners = channel.listenersOf(topicOf(payload));
      if (listeners.size === 0) return;
      const notice = noticeOf(payload);
      for (const entry of listeners) if (!entry.isClosed) entry.listener(notice);
    } catch (error) {
      onWarning?.("an unreadable notice was ignored", error);
    }
  }

  function channelOf(topic: string): Channel {
    const name = root + channelName(topic);
    let channel = channels.get(name);
    if (!channel) {
      const opened: Channel = openChannel({
        subscribe: () => connection.subscribe(name, (payload) => hear(opened, payload)),
        unsubscribe: () => void connection.unsubscribe(name),
        onFailure: () => channels.delete(name),
      });
      channel = opened;
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
    type: "redis",
    ...service(open, close),

    publish(topic, notice) {
      if (!started || !connection.isReady || unconfirmedCount >= MAX_UNCONFIRMED) return;
      unconfirmedCount++;
      tell(root + channelName(topic), encodeNotice(topic, notice));
    },

    async subscribe(topic, listener) {
      if (!started) throw new AgentlaneError("unavailable", "BUS_STOPPED", "the bus is stopped");
      return channelOf(topic).add(topic, listener);
    },
  };
}
