/**
 * One connection to RabbitMQ and its recovery. Whatever is opened on it (channels, consumers) is
 * opened by its owner's `open`, on every new connection anew; nothing is kept for a connection to
 * come, and a connection that answers too late is given up for a new one.
 */
import { Duplex } from "node:stream";
import { type ChannelModel, connect } from "amqplib";
import { type Clock, type Random, sleepOn } from "../../clock.ts";
import { type AgentlaneError, isKind } from "../../errors.ts";
import { blocked, failureOf, unavailable, unreachable } from "./connection-errors.ts";
import { checkServer } from "./server-check.ts";

const CONNECT_TIMEOUT_MS = 5000;
/** A reply to a command on a channel; a declaration of a quorum queue waits for disks. */
const REPLY_TIMEOUT_MS = 5000;
/** What a caller who publishes waits for a reply; after a restart the broker may take longer. */
const PATIENCE_MS = 2000;
const CLOSE_TIMEOUT_MS = 1000;
/** A connection that is silent for two to three of these is dead. */
const HEARTBEAT_SECONDS = 4;
const MAX_RETRY_GAP_MS = 200;
const MIN_RECONNECT_MS = 50;
const MAX_RECONNECT_MS = 2000;

export interface ConnectionOptions {
  readonly url: string;
  /** Shown by `rabbitmqctl list_connections name`. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Opens what is needed on a new connection, before it counts as ready. */
  readonly open: (model: ChannelModel) => Promise<void>;
  /** The connection is lost, and with it whatever was opened on it; `open` opens it again. */
  readonly onDown?: (failure: AgentlaneError) => void;
  /** The broker takes no messages for now. What was opened stays open, and nothing opens it again. */
  readonly onBlocked?: (failure: AgentlaneError) => void;
  readonly onLost?: (error: Error) => void;
  /** Counts connections that are lost and built anew, by their name. */
  readonly onConnectionLost?: (connection: string) => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #clock: Clock;
  #model: ChannelModel | undefined;
  /** Destroys the socket: the driver's own close waits for a reply. */
  #socket = new AbortController();
  #stream: Duplex | undefined;
  #isGathering = false;
  #isReady = false;
  #blockedFor: string | undefined;
  /** What its owner has found out about it while it was set up. */
  #flaw: Error | undefined;
  #life = new AbortController();
  #lastError: Error | undefined;
  #reconnecting: Promise<void> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get takesMessages(): boolean {
    return this.#isReady && this.#blockedFor === undefined;
  }

  /** Rejects with what is wrong with the URL, the server or the user; does not try again. */
  async start(): Promise<void> {
    this.#life = new AbortController();
    await this.#connect();
  }

  async stop(): Promise<void> {
    this.#life.abort();
    const model = this.#model;
    const wasReady = this.#isReady;
    this.#isReady = false;
    if (model && wasReady) await this.#quietly(model.close(), CLOSE_TIMEOUT_MS);
    this.#lose(unavailable("RABBITMQ_STOPPED", "the connection was closed"));
    await this.#reconnecting;
  }

  /** Throws `unavailable` at once while there is none. */
  model(): ChannelModel {
    if (!this.#model || !this.#isReady) throw this.failure();
    return this.#model;
  }

  /** Why there is no connection. */
  failure(): AgentlaneError {
    return failureOf(
      this.#lastError ?? unreachable(this.#options.url, undefined),
      this.#options.url,
    );
  }

  /** Throws `unavailable` unless messages can be published now. */
  requireUnblocked(): void {
    if (!this.#isReady) throw this.failure();
    if (this.#blockedFor !== undefined) throw blocked(this.#options.url, this.#blockedFor);
  }

  /**
   * A reply, its failure in our words, or the end of the connection after the limit. Not while it is
   * blocked: then the broker lives, sends heartbeats, and may read nothing.
   */
  async reply<T>(replying: Promise<T>): Promise<T> {
    const model = this.#model;
    const waited = new AbortController();
    const limit = sleepOn(this.#clock, REPLY_TIMEOUT_MS, waited.signal).then(() => {
      if (waited.signal.aborted) return;
      const error = new Error(`no reply within ${REPLY_TIMEOUT_MS} ms`);
      const isBlocked = this.#blockedFor !== undefined;
      if (model && model === this.#model && !isBlocked) this.#lose(error);
      throw error;
    });
    try {
      return await Promise.race([replying, limit.then(() => replying)]);
    } catch (error) {
      throw failureOf(error, this.#options.url);
    } finally {
      waited.abort();
      replying.catch(() => undefined);
    }
  }

  /**
   * What is sent in this turn of the loop goes out in one write; the driver makes one of each frame,
   * in an immediate that it plans when it gets the frame. To be called after sending.
   */
  gather(): void {
    const stream = this.#stream;
    if (!stream || this.#isGathering) return;
    this.#isGathering = true;
    stream.cork();
    process.nextTick(() =>
      setImmediate(() => {
        this.#isGathering = false;
        stream.uncork();
      }),
    );
  }

  /** Gives the connection up, for what its owner has found out about it. */
  giveUp(error: Error): void {
    if (this.#isReady) this.#lose(error);
    else this.#flaw = error;
  }

  async #connect(): Promise<void> {
    const { url, name, open } = this.#options;
    const socket = new AbortController();
    this.#socket = socket;
    this.#flaw = undefined;
    let model: ChannelModel | undefined;
    try {
      const wanted = {
        noDelay: true,
        timeout: CONNECT_TIMEOUT_MS,
        signal: socket.signal,
        clientProperties: { connection_name: name },
      };
      model = await connect(withHeartbeat(url), wanted);
      this.#model = model;
      this.#listen(model);
      checkServer(model.connection.serverProperties);
      await open(model);
      if (this.#model !== model) throw this.#lastError ?? new Error("lost while it was set up");
      if (this.#flaw) throw this.#flaw;
      if (this.#life.signal.aborted) throw new Error("stopped");
    } catch (error) {
      if (model) await this.#quietly(model.close(), CLOSE_TIMEOUT_MS);
      if (this.#model === model) this.#model = undefined;
      socket.abort();
      throw failureOf(error, url);
    }
    // No part of the driver's interface: without it frames are written one by one.
    const stream: unknown = Reflect.get(model.connection, "stream");
    this.#stream = stream instanceof Duplex ? stream : undefined;
    this.#lastError = undefined;
    this.#isReady = true;
  }

  #listen(model: ChannelModel): void {
    let last: Error | undefined;
    model.on("error", (error) => {
      last = error;
    });
    model.on("close", (error) => {
      if (this.#model === model) this.#lose(error ?? last ?? new Error("connection lost"));
    });
    model.on("blocked", (reason) => {
      if (this.#model !== model) return;
      this.#blockedFor = reason;
      this.#options.onBlocked?.(blocked(this.#options.url, reason));
    });
    model.on("unblocked", () => {
      if (this.#model === model) this.#blockedFor = undefined;
    });
    // What a listener of ours throws must not close a channel.
    model.on("handler-error", (error) => this.#options.onLost?.(error));
  }

  /** Ends what there is, and begins to look for a new one. */
  #lose(error: Error): void {
    const wasReady = this.#isReady;
    this.#model = undefined;
    this.#stream = undefined;
    this.#isReady = false;
    this.#blockedFor = undefined;
    this.#lastError = error;
    this.#socket.abort();
    this.#options.onDown?.(failureOf(error, this.#options.url));
    if (!wasReady || this.#life.signal.aborted) return;
    this.#options.onLost?.(error);
    this.#options.onConnectionLost?.(this.#options.name);
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

  /** Waits for a closing that may never be answered. */
  async #quietly(closing: Promise<unknown>, limitMs: number): Promise<void> {
    const waited = new AbortController();
    const closed = closing.then(
      () => waited.abort(),
      () => waited.abort(),
    );
    await Promise.race([closed, sleepOn(this.#clock, limitMs, waited.signal)]);
    waited.abort();
  }
}

/**
 * Repeats what a lost connection broke, as long as callers wait: RabbitMQ ends the connection of
 * whoever declares a quorum queue in the same moment as somebody else.
 */
export async function withRetries<T>(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  work: () => Promise<T>,
): Promise<T> {
  const endAt = clock.monotonic() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isKind(error, "unavailable") || clock.monotonic() >= endAt) throw error;
      await sleepOn(clock, MAX_RETRY_GAP_MS * random(), new AbortController().signal);
    }
  }
}

/** For callers who wait less long than the connection does; what they waited for goes on. */
export async function withPatience<T>(clock: Clock, waited: Promise<T>): Promise<T> {
  const over = new AbortController();
  const limit = sleepOn(clock, PATIENCE_MS, over.signal).then(() => {
    if (over.signal.aborted) return waited;
    throw unavailable("RABBITMQ_SLOW", `RabbitMQ has not answered within ${PATIENCE_MS} ms`);
  });
  try {
    return await Promise.race([waited, limit]);
  } finally {
    over.abort();
    limit.catch(() => undefined);
  }
}

/** The server's default of 60 s would hide a dead connection for minutes. */
function withHeartbeat(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed || parsed.searchParams.has("heartbeat")) return url;
  parsed.searchParams.set("heartbeat", String(HEARTBEAT_SECONDS));
  return parsed.href;
}
