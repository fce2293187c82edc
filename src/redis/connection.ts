/**
 * The way of a process to Redis, shared by its adapters: one connection for commands and one for what
 * Redis pushes. Together they would share Redis's limit on what it keeps for a subscriber
 * (client-output-buffer-limit pubsub), and a large reply would end both.
 */
import { type Service, service } from "../lifecycle.ts";
import { misconfigured, refusedNow } from "./errors.ts";
import { HandedClaims } from "./handed-claims.ts";
import type { LuaFunction } from "./library.ts";
import { type Argument, type ConnectionOptions, RedisLink } from "./link.ts";
import { text } from "./reply.ts";
import { checkServer, fieldsOf } from "./server-check.ts";

export type { Argument, ConnectionOptions } from "./link.ts";

export class RedisConnection {
  /** Between the queue and the store on this connection. */
  readonly handedClaims: HandedClaims;
  readonly #options: ConnectionOptions;
  readonly #commands: RedisLink;
  /** Open from the first subscription on: not every process has one. */
  readonly #pushes: RedisLink;
  readonly #life: Service;
  #hasSubscribed = false;
  #userCount = 0;

  constructor(options: ConnectionOptions) {
    requireUrl(options.url);
    this.#options = options;
    this.handedClaims = new HandedClaims(options.clock);
    this.#commands = new RedisLink({ ...options, name: "agentlane" });
    this.#pushes = new RedisLink({ ...options, name: "agentlane-pushes" });
    this.#life = service(
      () => this.#open(),
      () => this.#close(),
    );
  }

  /**
   * Rejects with what is wrong with the URL, the server or the password; does not try again. Each
   * user starts and stops it; it ends with the last one.
   */
  start(): Promise<void> {
    this.#userCount++;
    return this.#life.start();
  }

  async stop(): Promise<void> {
    if (this.#userCount > 0) this.#userCount--;
    if (this.#userCount === 0) await this.#life.stop();
  }

  get isReady(): boolean {
    return this.#commands.isReady && (!this.#hasSubscribed || this.#pushes.isReady);
  }

  /** Calls back on every new connection after its subscriptions are back; answers how to end that. */
  onReady(listener: () => void): () => void {
    const ends = [this.#commands, this.#pushes].map((link) =>
      link.onReady(() => {
        if (this.isReady) listener();
      }),
    );
    return () => {
      for (const end of ends) end();
    };
  }

  /** Rejects with `unavailable` at once while there is no connection, and when the reply is late. */
  call(name: string, args: readonly Argument[]): Promise<unknown> {
    return this.#commands.call(name, args).catch(refusedNow);
  }

  run(named: LuaFunction, key: string, args: readonly Argument[]): Promise<unknown> {
    return this.#commands.run(named, key, args).catch(refusedNow);
  }

  /** For a start: rejects with `failed_precondition` when the user may not run functions on this key. */
  async probe(named: LuaFunction, key: string, args: readonly Argument[]): Promise<void> {
    await this.#commands.run(named, key, args);
  }

  /** Resolves when messages published from now on arrive; they do so after a reconnect as well. */
  async subscribe(channel: string, listener: (payload: Buffer) => void): Promise<void> {
    await this.#pushes.start().catch(refusedNow);
    this.#hasSubscribed = true;
    await this.#pushes.subscribe(channel, listener).catch(refusedNow);
  }

  /** Resolves when what was published on it until now has arrived, or cannot any more. */
  unsubscribe(channel: string): Promise<void> {
    return this.#pushes.unsubscribe(channel);
  }

  async #open(): Promise<void> {
    await this.#commands.start();
    const info = fieldsOf(text(await this.#commands.call("info", [])));
    for (const warning of checkServer(info)) this.#options.onWarning?.(warning);
  }

  async #close(): Promise<void> {
    this.#hasSubscribed = false;
    await Promise.all([this.#commands.stop(), this.#pushes.stop()]);
  }
}

function requireUrl(url: string): void {
  const path = /^rediss?:\/\/./.test(url) ? URL.parse(url)?.pathname : undefined;
  if (path !== undefined && /^\/?\d*$/.test(path)) return;
  throw misconfigured(
    "REDIS_URL must look like redis://[[user]:password@]host[:port][/database], or rediss:// for TLS; the database is a number",
  );
}
