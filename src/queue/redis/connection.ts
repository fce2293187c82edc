/**
 * One connection to Redis, for commands and for pushed messages (RESP3). What the driver would do by
 * itself is done here, because its ways lose or double commands: nothing is re-sent, nothing waits
 * in an offline queue, a command without a reply after two seconds ends the connection, and a lost
 * connection is replaced by a new client.
 */
import { Redis } from "ioredis";
import { type Clock, type Random, sleepOn, type Timer } from "../../clock.ts";
import { AgentlaneError } from "../../errors.ts";
import { LinkedList } from "../../linked-list.ts";
import { connectFailed, replyFailed, unreachable, withoutCommand } from "./connection-errors.ts";
import type { Script } from "./scripts.ts";

const COMMAND_TIMEOUT_MS = 2000;
/** An idle connection is asked this often whether it is still one. */
const PING_INTERVAL_MS = 2000;
const MIN_RECONNECT_MS = 20;
const MAX_RECONNECT_MS = 1000;

export interface ConnectionOptions {
  readonly url: string;
  /** Shown by CLIENT LIST. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Loaded before the connection is used. */
  readonly scripts: readonly Script[];
  /** Called on every new connection after its subscriptions are back. */
  readonly onReady?: () => void;
  readonly onLost?: (error: Error) => void;
}

type Argument = string | number | Buffer;
type Command = readonly [name: string, ...args: Argument[]];

interface Waiting {
  readonly deadlineMs: number;
  readonly reject: (error: Error) => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #clock: Clock;
  readonly #channels = new Map<string, (payload: Buffer) => void>();
  /** All commands have the same limit, so the first one waiting is the first one due. */
  readonly #waiting = new LinkedList<Waiting>();
  #client: Redis | undefined;
  #isReady = false;
  #life = new AbortController();
  #deadlineTimer: Timer | undefined;
  #pingTimer: Timer | undefined;
  #sentSincePing = false;
  #lastError: Error | undefined;
  #reconnecting: Promise<void> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Rejects with what is wrong with the URL, the server or the password; does not try again. */
  async start(): Promise<void> {
    this.#life = new AbortController();
    await this.#connect();
    this.#planPing();
  }

  async stop(): Promise<void> {
    this.#life.abort();
    this.#pingTimer?.clear();
    this.#drop(new AgentlaneError("unavailable", "REDIS_STOPPED", "the connection was closed"));
    await this.#reconnecting;
    this.#channels.clear();
  }

  /** Rejects with `unavailable` at once while there is no connection, and after two seconds. */
  async call(name: string, ...args: Argument[]): Promise<unknown> {
    const client = this.#client;
    if (!client || !this.#isReady) throw unreachable(this.#options.url, this.#lastError);
    return this.#send(client, name, args);
  }

  async run(script: Script, key: string, args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.call("EVALSHA", script.sha, 1, key, ...args);
    } catch (error) {
      const isUnknown = error instanceof AgentlaneError && error.reason === "REDIS_NOSCRIPT";
      if (!isUnknown) throw error;
      return this.call("EVAL", script.text, 1, key, ...args);
    }
  }

  /** Several commands in one write; rejects with the first failure, after all were tried. */
  async pipeline(commands: readonly Command[]): Promise<void> {
    const client = this.#client;
    if (!client || !this.#isReady) throw unreachable(this.#options.url, this.#lastError);
    const pipeline = client.pipeline();
    for (const [name, ...args] of commands) pipeline.call(name, ...args);
    const replies = await this.#limited(pipeline.exec());
    const failure = replies?.find(([error]) => error)?.[0];
    if (failure) throw replyFailed(failure, this.#options.url);
  }

  /** Resolves when messages published from now on arrive; they do so after a reconnect as well. */
  async subscribe(channel: string, listener: (payload: Buffer) => void): Promise<void> {
    this.#channels.set(channel, listener);
    try {
      await this.call("SUBSCRIBE", channel);
    } catch (error) {
      this.#channels.delete(channel);
      throw error;
    }
  }

  unsubscribe(channel: string): void {
    if (!this.#channels.delete(channel) || !this.#isReady) return;
    // A channel that stays subscribed costs a few ignored messages.
    this.call("UNSUBSCRIBE", channel).catch(() => undefined);
  }

  #send(client: Redis, name: string, args: readonly Argument[]): Promise<unknown> {
    return this.#limited(client.callBuffer(name, ...args));
  }

  /** A command's reply, its failure in our words, or an end after the limit. */
  #limited<T>(replying: Promise<T>): Promise<T> {
    this.#sentSincePing = true;
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#clock.monotonic() + COMMAND_TIMEOUT_MS;
      const place = this.#waiting.append({ deadlineMs, reject });
      if (!this.#deadlineTimer) this.#planDeadline();
      replying.then(
        (reply) => {
          this.#waiting.remove(place);
          resolve(reply);
        },
        (error: Error) => {
          this.#waiting.remove(place);
          reject(replyFailed(error, this.#options.url));
        },
      );
    });
  }

  /** One timer for all commands: it is set again only when it fires. */
  #planDeadline(): void {
    const first = this.#waiting.first;
    this.#deadlineTimer = undefined;
    if (!first) return;
    const leftMs = first.deadlineMs - this.#clock.monotonic();
    if (leftMs > 0) this.#deadlineTimer = this.#clock.setTimer(leftMs, () => this.#planDeadline());
    else this.#drop(new Error(`no reply within ${COMMAND_TIMEOUT_MS} ms`));
  }

  #planPing(): void {
    this.#pingTimer = this.#clock.setTimer(PING_INTERVAL_MS, () => {
      if (this.#isReady && !this.#sentSincePing) this.call("PING").catch(() => undefined);
      this.#sentSincePing = false;
      this.#planPing();
    });
  }

  async #connect(): Promise<void> {
    const client = new Redis(this.#options.url, {
      lazyConnect: true,
      connectionName: this.#options.name,
      retryStrategy: null,
      connectTimeout: COMMAND_TIMEOUT_MS,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
    });
    this.#client = client;
    client.on("error", (error: Error) => {
      this.#lastError = withoutCommand(error);
    });
    client.on("messageBuffer", (channel: Buffer, payload: Buffer) => {
      this.#channels.get(channel.toString())?.(payload);
    });
    try {
      await client.connect();
      await Promise.all([
        ...this.#options.scripts.map(({ text }) => this.#send(client, "SCRIPT", ["LOAD", text])),
        ...[...this.#channels.keys()].map((channel) => this.#send(client, "SUBSCRIBE", [channel])),
      ]);
      if (this.#client !== client) throw new Error("the connection was lost while it was set up");
    } catch (error) {
      client.disconnect();
      if (this.#client === client) this.#client = undefined;
      const cause = error instanceof AgentlaneError ? error : (this.#lastError ?? error);
      throw connectFailed(cause, this.#options.url);
    }
    client.on("end", () => {
      if (this.#client === client) this.#drop(this.#lastError ?? new Error("connection lost"));
    });
    this.#lastError = undefined;
    this.#isReady = true;
    this.#options.onReady?.();
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
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      next.reject(unreachable(this.#options.url, error));
    }
    client?.disconnect();
    if (!wasReady || this.#life.signal.aborted) return;
    this.#options.onLost?.(error);
    this.#reconnecting = this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#life;
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
