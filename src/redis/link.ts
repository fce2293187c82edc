/**
 * One connection to Redis (RESP3). What the driver would do by itself is done here, because its ways
 * lose or double commands: nothing is re-sent, nothing waits in an offline queue, a connection that
 * leaves its commands unanswered is given up, and a lost one is replaced by a new client.
 */
import { Command, Redis } from "ioredis";
import { type Clock, type Random, sleepOn, type Timer } from "../clock.ts";
import { service } from "../lifecycle.ts";
import { LinkedList } from "../linked-list.ts";
import { homeOf } from "./cluster.ts";
import {
  behind,
  codeOf,
  isLoadedAlready,
  isUnknownFunction,
  toAgentlaneError,
  unavailable,
  unreachable,
} from "./errors.ts";
import type { Library, LuaFunction } from "./library.ts";

/** So that calls fail within two seconds. */
const COMMAND_TIMEOUT_MS = 1500;
/** From the TCP connection to the first answer. */
const HANDSHAKE_TIMEOUT_MS = 2000;
/** An idle connection is asked this often whether it is still one. */
const PING_INTERVAL_MS = 2000;
const MIN_RECONNECT_MS = 20;
const MAX_RECONNECT_MS = 1000;
/** Commands of one write; more would keep Redis idle while they are put together. */
const MAX_BATCH_COUNT = 16;

export interface LinkOptions extends ConnectionOptions {
  /** As Redis lists it. */
  readonly name: string;
}

export interface ConnectionOptions {
  /** redis://[[user]:password@]host[:port][/database] or rediss://… */
  readonly url: string;
  /** Of the installation's keys: in a cluster, names the node. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Told what an operator should know: what endangers tasks, a lost connection. */
  readonly onWarning?: (message: string, error?: unknown) => void;
  /** Counts connections that are lost and built anew, by their name. */
  readonly onConnectionLost?: (connection: string) => void;
}

export type Argument = string | number | Buffer;

interface Waiting {
  readonly deadlineMs: number;
  /** Answers that had come when it was sent. */
  readonly answeredBefore: number;
  readonly reject: (error: Error) => void;
  isLate: boolean;
}

export class RedisLink {
  /** Idempotent. Rejects with what is wrong with the URL, the server or the password. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly #options: LinkOptions;
  readonly #clock: Clock;
  readonly #channels = new Map<string, (payload: Buffer) => void>();
  readonly #readyListeners = new Set<() => void>();
  /** All commands have the same limit, so the first one waiting is the first one due. */
  readonly #waiting = new LinkedList<Waiting>();
  /** Libraries on their way to Redis. */
  readonly #loads = new Map<string, Promise<void>>();
  #client: Redis | undefined;
  /** Where the last connection led to: in a cluster, not always where the URL does. */
  #home: string | undefined;
  #isReady = false;
  #isClosing = new AbortController();
  #answeredCount = 0;
  /** Commands that were given up and that Redis still has before it. */
  #lateCount = 0;
  #batchCount = 0;
  #deadlineTimer: Timer | undefined;
  #pingTimer: Timer | undefined;
  #sentSincePing = false;
  #lastError: Error | undefined;
  #reconnecting: Promise<void> | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#clock = options.clock;
    const life = service(
      () => this.#open(),
      () => this.#close(),
    );
    this.start = life.start;
    this.stop = life.stop;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Calls back on every new connection after its subscriptions are back; answers how to end that. */
  onReady(listener: () => void): () => void {
    this.#readyListeners.add(listener);
    return () => void this.#readyListeners.delete(listener);
  }

  /**
   * Rejects with `unavailable` at once while there is no connection, and when the reply is late; then
   * further ones do so at once, until Redis has caught up: it would work for callers long gone.
   */
  call(name: string, args: readonly Argument[]): Promise<unknown> {
    return this.#ask(name, args).catch((error: unknown) => this.#fail(error));
  }

  /** A function that Redis does not know, which then did nothing, is called again with its library. */
  run(named: LuaFunction, key: string, args: readonly Argument[]): Promise<unknown> {
    const values = [named.name, 1, key, ...args];
    return this.#ask("fcall", values).catch((error: unknown) => {
      if (!isUnknownFunction(error)) return this.#fail(error);
      return this.#load(named.library).then(() => this.call("fcall", values));
    });
  }

  #ask(name: string, args: readonly Argument[]): Promise<unknown> {
    const client = this.#client;
    if (!client || !this.#isReady || !client.stream.writable) {
      return Promise.reject(unreachable(this.#options.url, this.#lastError));
    }
    if (this.#lateCount > 0) return Promise.reject(behind());
    return this.#send(client, name, args);
  }

  #fail(error: unknown): never {
    const failure = toAgentlaneError(error);
    // Where our keys are now is found by the next connection.
    if (codeOf(error) === "MOVED") this.#drop(failure);
    throw failure;
  }

  /** Resolves when messages published from now on arrive; they do so after a reconnect as well. */
  async subscribe(channel: string, listener: (payload: Buffer) => void): Promise<void> {
    this.#channels.set(channel, listener);
    try {
      await this.call("subscribe", [channel]);
    } catch (error) {
      this.#channels.delete(channel);
      throw error;
    }
  }

  /** Resolves when what was published on it until now has arrived, or cannot any more. */
  async unsubscribe(channel: string): Promise<void> {
    const listener = this.#channels.get(channel);
    if (!listener) return;
    // A channel that stays subscribed costs a few ignored messages.
    if (this.#isReady) await this.call("unsubscribe", [channel]).catch(() => undefined);
    // Somebody may have subscribed anew.
    if (this.#channels.get(channel) === listener) this.#channels.delete(channel);
  }

  /** Once for all calls that need it; others may load it at the same time. */
  #load({ name, text }: Library): Promise<void> {
    const started = this.#loads.get(name);
    if (started) return started;
    const loading = this.call("function", ["load", text])
      .then(
        () => undefined,
        (error: unknown) => {
          if (!isLoadedAlready(error)) throw error;
        },
      )
      .finally(() => this.#loads.delete(name));
    this.#loads.set(name, loading);
    return loading;
  }

  async #open(): Promise<void> {
    this.#isClosing = new AbortController();
    await this.#connect();
    this.#planPing();
  }

  async #close(): Promise<void> {
    this.#isClosing.abort();
    this.#pingTimer?.clear();
    this.#drop(unavailable("the connection to Redis was closed"));
    await this.#reconnecting;
    this.#channels.clear();
  }

  #send(client: Redis, name: string, args: readonly Argument[]): Promise<unknown> {
    this.#sentSincePing = true;
    if (this.#batchCount++ === 0) this.#cork(client);
    const command = new Command(name, [...args], { replyEncoding: null });
    client.sendCommand(command);
    if (this.#batchCount === MAX_BATCH_COUNT) this.#uncork(client);
    return this.#limited(client, command.promise);
  }

  /**
   * Commands that come of one event go out in one write: a write costs more than a command. The tick
   * comes once all promises that the event has settled have been acted upon.
   */
  #cork(client: Redis): void {
    client.stream.cork();
    process.nextTick(() => {
      if (client === this.#client) this.#uncork(client);
    });
  }

  #uncork(client: Redis): void {
    if (this.#batchCount === 0) return;
    this.#batchCount = 0;
    client.stream.uncork();
  }

  #limited(client: Redis, replying: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#clock.monotonic() + COMMAND_TIMEOUT_MS;
      const waiting: Waiting = {
        deadlineMs,
        answeredBefore: this.#answeredCount,
        reject,
        isLate: false,
      };
      const place = this.#waiting.append(waiting);
      if (!this.#deadlineTimer) this.#planDeadline();
      const answered = (): void => {
        this.#waiting.remove(place);
        if (waiting.isLate && client === this.#client) this.#lateCount--;
      };
      replying.then(
        (reply) => {
          this.#answeredCount++;
          answered();
          resolve(reply);
        },
        (error: unknown) => {
          if (error instanceof Error && error.name === "ReplyError") this.#answeredCount++;
          answered();
          reject(error);
        },
      );
    });
  }

  /**
   * One timer for all commands: it is set again only when it fires. What the socket holds is read
   * first: a loop that was blocked has kept the replies waiting, not Redis.
   */
  #planDeadline(): void {
    this.#deadlineTimer = undefined;
    for (let first = this.#waiting.first; first; first = this.#waiting.first) {
      const leftMs = first.deadlineMs - this.#clock.monotonic();
      if (leftMs > 0) {
        this.#deadlineTimer = this.#clock.setTimer(leftMs, () => {
          setImmediate(() => this.#planDeadline());
        });
        return;
      }
      this.#waiting.shift();
      first.isLate = true;
      this.#lateCount++;
      const late = unavailable(
        `Redis did not answer within ${COMMAND_TIMEOUT_MS} ms; whether the command took effect is unknown`,
      );
      first.reject(late);
      // An overloaded Redis is only late; a connection on which nothing came meanwhile is dead.
      if (this.#answeredCount === first.answeredBefore) this.#drop(late);
    }
  }

  #planPing(): void {
    this.#pingTimer = this.#clock.setTimer(PING_INTERVAL_MS, () => {
      const client = this.#client;
      // While Redis is behind, it alone tells a dead connection from a slow one.
      if (client && this.#isReady && !this.#sentSincePing) {
        this.#send(client, "ping", []).catch(() => undefined);
      }
      this.#sentSincePing = false;
      this.#planPing();
    });
  }

  async #connect(): Promise<void> {
    const { url, prefix } = this.#options;
    const from = this.#home ?? url;
    this.#home = undefined;
    const home = await this.#dial(from, async (client) => {
      const found = await homeOf(client, from, `{${prefix}}`);
      if (found === from) await this.#welcome(client);
      else client.disconnect();
      return found;
    });
    if (home !== from) await this.#dial(home, (client) => this.#welcome(client));
    this.#home = home;
  }

  /** A client that is given up where `use` fails, or does not come to its end in time. */
  async #dial<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
    this.#isClosing.signal.throwIfAborted();
    const client = new Redis(url, {
      lazyConnect: true,
      connectionName: this.#options.name,
      retryStrategy: null,
      connectTimeout: HANDSHAKE_TIMEOUT_MS,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
    });
    this.#client = client;
    this.#batchCount = 0;
    this.#lateCount = 0;
    let failure: Error | undefined;
    client.on("error", (error: unknown) => {
      failure = toAgentlaneError(error);
    });
    client.on("messageBuffer", (channel: Buffer, payload: Buffer) => {
      this.#channels.get(channel.toString())?.(payload);
    });
    client.on("end", () => {
      if (this.#isReady && this.#client === client) {
        this.#drop(failure ?? unavailable("the connection was lost"));
      }
    });
    const handshake = this.#clock.setTimer(HANDSHAKE_TIMEOUT_MS, () => client.disconnect());
    try {
      await client.connect();
      // The driver selects too, and does not tell that it failed.
      if (client.options.db) await client.select(client.options.db);
      return await use(client);
    } catch (error) {
      client.disconnect();
      if (this.#client === client) this.#client = undefined;
      throw unreachable(url, failure ?? toAgentlaneError(error));
    } finally {
      handshake.clear();
    }
  }

  /** From here on it is the connection. */
  async #welcome(client: Redis): Promise<void> {
    const channels = [...this.#channels.keys()];
    await Promise.all(channels.map((channel) => this.#send(client, "subscribe", [channel])));
    if (this.#client !== client) throw new Error("the connection was lost while it was set up");
    this.#lastError = undefined;
    this.#isReady = true;
    for (const listener of this.#readyListeners) listener();
  }

  /** Ends what there is; all commands without a reply are told. */
  #drop(error: Error): void {
    const client = this.#client;
    const wasReady = this.#isReady;
    this.#client = undefined;
    this.#isReady = false;
    this.#lastError = error;
    this.#deadlineTimer?.clear();
    this.#deadlineTimer = undefined;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) next.reject(error);
    client?.disconnect();
    if (!wasReady || this.#isClosing.signal.aborted) return;
    this.#options.onWarning?.("the connection to Redis was lost", error);
    this.#options.onConnectionLost?.(this.#options.name);
    this.#reconnecting = this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#isClosing;
    for (let delayMs = MIN_RECONNECT_MS; ; delayMs = Math.min(2 * delayMs, MAX_RECONNECT_MS)) {
      await sleepOn(this.#clock, delayMs * this.#options.random(), signal);
      if (signal.aborted) return;
      try {
        await this.#connect();
        return;
      } catch (error) {
        this.#lastError = error instanceof Error ? error : new Error(String(error));
      }
    }
  }
}
