/** A Redis for tests: one of its own on a free port, or a prefix of its own on REDIS_URL. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { type ConnectionOptions, RedisConnection } from "../../src/redis/connection.ts";
import { freePort } from "./free-port.ts";

export interface RedisServerOptions {
  /** Append-only file, synced on every write, so that a restart keeps everything. */
  readonly aof?: boolean;
  /** In redis.conf's form, for example "3mb". */
  readonly maxmemory?: string;
  readonly password?: string;
  /** PEM texts; it then speaks nothing but TLS. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** A node that can become one of a cluster. */
  readonly cluster?: boolean;
}

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Kills the server's process, without a chance to save. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder. */
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT: it accepts connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Runs one command on a connection of its own. */
  command(name: string, ...args: string[]): Promise<unknown>;
  /** Closes all connections of clients; answers how many. */
  killClients(): Promise<number>;
  stop(): Promise<void>;
}

/** For adapters under test; whoever uses it starts and stops it. */
export function connectionTo(
  url: string,
  overrides: Partial<ConnectionOptions> = {},
): RedisConnection {
  return new RedisConnection({
    url,
    prefix: "test",
    clock: systemClock,
    random: systemRandom,
    ...overrides,
  });
}

let prefixCount = 0;

/** Unique on a server that others use too. */
export function newPrefix(): string {
  return `test-${process.pid}-${++prefixCount}`;
}

/**
 * Whether tests that need Redis can run. Missing, it fails them in CI; elsewhere it is told once and
 * they are skipped.
 */
export const hasRedis: boolean = (() => {
  if (process.env.REDIS_URL || spawnSync("redis-server", ["--version"]).status === 0) return true;
  if (process.env.CI)
    throw new Error("redis-server is missing; CI needs it (apt-get install redis-server)");
  console.warn("SKIPPED: redis-server is missing, and so is REDIS_URL; tests on Redis do not run");
  return false;
})();

/** Deletes what an installation with this prefix has left. */
export async function dropKeys(url: string, prefix: string): Promise<void> {
  for (let cursor = "0", isFirst = true; isFirst || cursor !== "0"; isFirst = false) {
    const reply = await runCommand(url, "SCAN", [cursor, "MATCH", `{${prefix}}*`, "COUNT", "1000"]);
    const [next, keys]: [string, string[]] = Array.isArray(reply)
      ? [reply[0], reply[1]]
      : ["0", []];
    cursor = next;
    if (keys.length > 0) await runCommand(url, "UNLINK", keys);
  }
}

/** A server that tests share and do not harm: REDIS_URL, or one of their own. */
export async function sharedRedis(): Promise<Pick<RedisServer, "url" | "command" | "stop">> {
  const { REDIS_URL: url } = process.env;
  if (!url) return startRedis();
  return {
    url,
    command: (name, ...args) => runCommand(url, name, args),
    stop: async () => undefined,
  };
}

/** A server that only one test has. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "agentlane-redis-"));
  const secret = options.password === undefined ? "" : `:${options.password}@`;
  const url = `${options.tls ? "rediss" : "redis"}://${secret}127.0.0.1:${port}`;
  const ca = options.tls?.ca;
  const more = [...(await tlsFlags(port, folder, options)), ...(await clusterFlags(options))];
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    if (child) return;
    child = spawn("redis-server", [...flags(port, folder, options), ...more], { stdio: "ignore" });
    await untilReady(url, child, ca);
  }
  async function kill(): Promise<void> {
    const dying = child;
    child = undefined;
    if (!dying || dying.exitCode !== null) return;
    const closed = once(dying, "close");
    dying.kill("SIGKILL");
    await closed;
  }
  const command = (name: string, ...args: string[]): Promise<unknown> => {
    return runCommand(url, name, args, ca);
  };
  await start();
  return {
    url,
    port,
    start,
    kill,
    command,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    async killClients() {
      const normal = await command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      const subscribed = await command("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes");
      return Number(normal) + Number(subscribed);
    },
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function flags(port: number, folder: string, options: RedisServerOptions): string[] {
  const { aof = false, maxmemory, password } = options;
  return [
    ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
    ...["--enable-debug-command", "yes"],
    ...["--appendonly", aof ? "yes" : "no", "--appendfsync", "always"],
    ...(maxmemory === undefined ? [] : ["--maxmemory", maxmemory]),
    ...(password === undefined ? [] : ["--requirepass", password]),
  ];
}

/** Redis wants files, and by default certificates of its clients too. */
async function tlsFlags(port: number, folder: string, { tls }: RedisServerOptions) {
  if (!tls) return [];
  for (const name of ["ca", "cert", "key"] as const) {
    await writeFile(join(folder, `${name}.pem`), tls[name]);
  }
  return [
    ...["--port", "0", "--tls-port", `${port}`, "--tls-auth-clients", "no"],
    ...["--tls-ca-cert-file", "ca.pem", "--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"],
  ];
}

/** By default the nodes talk on the port 10,000 above, which may be no port. */
async function clusterFlags({ cluster }: RedisServerOptions) {
  return cluster ? ["--cluster-enabled", "yes", "--cluster-port", `${await freePort()}`] : [];
}

async function untilReady(url: string, child: ChildProcess, ca?: string): Promise<void> {
  for (let step = 0; step < 500; step++) {
    if (child.exitCode !== null) throw new Error(`redis-server exited with ${child.exitCode}`);
    try {
      await runCommand(url, "PING", [], ca);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error("redis-server did not become ready");
}

async function runCommand(
  url: string,
  name: string,
  args: string[],
  ca?: string,
): Promise<unknown> {
  const client = new Redis(url, {
    lazyConnect: true,
    ...(ca !== undefined && { tls: { ca } }),
    retryStrategy: null,
    maxRetriesPerRequest: 0,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}
