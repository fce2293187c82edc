/**
 * One connection to Redis. Nothing waits for a connection that is not there, nothing is sent twice,
 * and a connection that leaves a command unanswered is torn down and built anew: then all its
 * commands fail as `unavailable`.
 */
import { Redis } from "ioredis";
import type { Clock, Random, Timer } from "../../clock.ts";
import type { AgentlaneError } from "../../errors.ts";
import { type Service, service } from "../../lifecycle.ts";
import { isNoScript, misconfigured, toAgentlaneError, unavailable } from "./errors.ts";
import { type Argument, createPipeline } from "./pipeline.ts";
import type { Script } from "./scripts.ts";

export interface Connection extends Service {
  /** Runs a script on the root key. */
  run(script: Script, args: readonly Argument[]): Promise<unknown>;
  send(command: string, args: readonly Argument[]): Promise<unknown>;
}

export interface ConnectionOptions {
  /** redis://[[user]:password@]host[:port][/database] or rediss://… */
  readonly url: string;
  readonly root: string;
  readonly clock: Clock;
  readonly random: Random;
  /** A command that is not answered after this has failed. */
  readonly commandTimeoutMs: number;
}

/** From the TCP connection to the first answer. */
const HANDSHAKE_TIMEOUT_MS = 2000;
const FIRST_RECONNECT_MS = 50;
const MAX_RECONNECT_MS = 1000;

export function createConnection(options: ConnectionOptions): Connection {
  const { clock, random, root } = options;
  requireUrl(options.url);
  let redis: Redis | undefined;
  const pipeline = createPipeline(clock, options.commandTimeoutMs);
  let lastFailure: AgentlaneError | undefined;

  async function open(): Promise<void> {
    const client = new Redis(options.url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: HANDSHAKE_TIMEOUT_MS,
      connectionName: "agentlane-store",
      retryStrategy: (times) => {
        return random() * Math.min(MAX_RECONNECT_MS, FIRST_RECONNECT_MS * 2 ** times);
      },
    });
    redis = client;
    lastFailure = undefined;
    client.on("error", (error: unknown) => {
      lastFailure = toAgentlaneError(error);
    });
    let handshake: Timer | undefined;
    client.on("connect", () => {
      handshake = clock.setTimer(HANDSHAKE_TIMEOUT_MS, () => client.stream.destroy());
    });
    client.on("close", () => handshake?.clear());
    client.on("ready", () => {
      handshake?.clear();
      lastFailure = undefined;
    });
    try {
      await client.connect();
    } catch (error) {
      throw cannotConnect(options.url, lastFailure ?? toAgentlaneError(error));
    }
  }

  async function close(): Promise<void> {
    redis?.disconnect();
    redis = undefined;
  }

  function write(name: string, args: Argument[]): Promise<unknown> {
    if (redis?.status !== "ready" || !redis.stream.writable) return Promise.reject(notConnected());
    return pipeline.write(redis, name, args);
  }

  function notConnected(): AgentlaneError {
    return unavailable("there is no connection to Redis now; it is being built", lastFailure);
  }

  return {
    ...service(open, close),
    run: (script, args) =>
      write("evalsha", [script.sha, "1", root, ...args]).catch((error: unknown) => {
        if (!isNoScript(error)) throw toAgentlaneError(error);
        return write("eval", [script.text, "1", root, ...args]).catch(rethrow);
      }),
    send: (name, args) => write(name, [...args]).catch(rethrow),
  };
}

function rethrow(error: unknown): never {
  throw toAgentlaneError(error);
}

function requireUrl(url: string): void {
  if (/^rediss?:\/\/./.test(url) && URL.canParse(url)) return;
  throw misconfigured(
    "REDIS_URL must look like redis://[[user]:password@]host[:port][/database], or rediss:// for TLS",
  );
}

function cannotConnect(url: string, failure: AgentlaneError): AgentlaneError {
  if (failure.kind === "failed_precondition") return failure;
  const { hostname, port } = new URL(url);
  const cause = failure.cause instanceof Error ? failure.cause.message : failure.message;
  return unavailable(
    `cannot connect to Redis at ${hostname}:${port || 6379} (REDIS_URL): ${cause}`,
    failure,
  );
}
