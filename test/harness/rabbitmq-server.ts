/**
 * A RabbitMQ for tests: a node of its own on free ports, with its own epmd, cookie and folder. With
 * RABBITMQ_4=1 it is the one that scripts/debian-13.sh has installed.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { connect } from "amqplib";
import type { Certificates } from "../server/certificates.ts";
import { freePort } from "./free-port.ts";
import { newerServers } from "./newer-servers.ts";

export interface RabbitServerOptions {
  /** Of the application `rabbit`, in Erlang's form, e.g. `{consumer_timeout, 3000}`. */
  readonly settings?: readonly string[];
  /** It then listens with TLS as well. PEM texts. */
  readonly tls?: Certificates;
}

export interface RabbitServer {
  readonly url: string;
  readonly port: number;
  /** amqps:// of a server with `tls`. */
  readonly tlsUrl: string;
  /** Kills the node, without a chance to save. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and folder. */
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT: it accepts connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  /**
   * Calls a function in the node, as rabbitmqctl does, but in milliseconds: an Erlang expression's
   * module, function and list of arguments. Answers what it returned, in Erlang's form.
   */
  call(module: string, name: string, args?: string): Promise<string>;
  /** Evaluates Erlang in the node. */
  evaluate(expression: string): Promise<string>;
  /** `rabbitmqctl close_all_connections`. */
  closeConnections(): Promise<void>;
  /** Messages in all queues whose names begin so, waiting or unsettled. */
  messageCount(prefix: string): Promise<number>;
  /** Deletes all queues, and all exchanges of ours, whose names begin so. */
  drop(prefix: string): Promise<void>;
  stop(): Promise<void>;
}

const COOKIE = "agentlane-tests";
/** The folder of temporary files may be small. */
const CONFIGURATION = "disk_free_limit.absolute = 1MB\nlog.file.level = warning\n";
const BIN = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const run = promisify(execFile);
const newer = process.env.RABBITMQ_4 === "1" ? newerServers() : undefined;

/**
 * Whether tests that need RabbitMQ can run. Missing, it fails them in CI; elsewhere it is told once
 * and they are skipped.
 */
export const hasRabbit: boolean = (() => {
  if (existsSync(BIN) && spawnSync("erl_call", []).error === undefined) return true;
  if (process.env.CI)
    throw new Error("rabbitmq-server is missing; CI needs it (apt-get install rabbitmq-server)");
  console.warn("SKIPPED: rabbitmq-server is missing; tests on RabbitMQ do not run");
  return false;
})();

let prefixCount = 0;

/** Unique on a server that others use too. */
export function newRabbitPrefix(): string {
  return `test-${process.pid}-${++prefixCount}`;
}

export async function startRabbit(options: RabbitServerOptions = {}): Promise<RabbitServer> {
  const [port, distPort, epmdPort, tlsPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const folder = await mkdtemp(join(tmpdir(), "agentlane-rabbitmq-"));
  const node = `agentlane-${port}@localhost`;
  const home = join(folder, "home");
  await mkdir(home);
  await writeFile(join(home, ".erlang.cookie"), COOKIE, { mode: 0o400 });
  await writeFile(join(folder, "plugins"), "[].\n");
  const tls = options.tls ? await prepareTls(folder, tlsPort, options.tls) : "";
  await writeFile(join(folder, "rabbitmq.conf"), `${CONFIGURATION}${tls}`);
  const settings = (options.settings ?? []).join(", ");
  await writeFile(join(folder, "advanced.config"), `[{rabbit, [${settings}]}].\n`);
  const env = {
    PATH: process.env.PATH ?? "",
    TMPDIR: tmpdir(),
    HOME: home,
    ERL_EPMD_PORT: `${epmdPort}`,
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: node,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: `${port}`,
    RABBITMQ_DIST_PORT: `${distPort}`,
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, "advanced.config"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
    ...(newer && { AGENTLANE_TRIXIE: newer.root }),
  };
  // One that the node starts by itself would outlive it.
  const epmd = spawn("epmd", ["-port", `${epmdPort}`], { env, stdio: "ignore" });
  const url = `amqp://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  async function call(module: string, name: string, args = "[]"): Promise<string> {
    const target = ["-sname", node, "-c", COOKIE, "-a", `${module} ${name} ${args}`];
    const { stdout } = await run("erl_call", target, { env });
    return stdout.trim();
  }
  function evaluate(expression: string): Promise<string> {
    const asking = spawn("erl_call", ["-sname", node, "-c", COOKIE, "-e"], { env });
    asking.stdin.end(`${expression}.\n`);
    return text(asking.stdout);
  }
  async function start(): Promise<void> {
    if (child) return;
    const [command, args] = newer ? [newer.script, ["run", "rabbitmq-server"]] : [BIN, []];
    child = spawn(command, args, { env, stdio: "ignore", detached: true });
    await untilReady(url, child);
  }
  function signal(name: NodeJS.Signals): void {
    if (child?.pid !== undefined && child.exitCode === null) process.kill(-child.pid, name);
  }
  async function kill(): Promise<void> {
    const dying = child;
    if (!dying || dying.exitCode !== null || dying.signalCode !== null) return;
    const closed = once(dying, "close");
    signal("SIGKILL");
    await closed;
    child = undefined;
  }
  async function stop(): Promise<void> {
    await kill();
    epmd.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    port,
    tlsUrl: `amqps://127.0.0.1:${tlsPort}`,
    start,
    kill,
    stop,
    call,
    evaluate,
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    async closeConnections() {
      await call("rabbit_networking", "close_all_connections", '["test"]');
    },
    async messageCount(prefix) {
      const counted = await evaluate(
        `lists:sum([M || Q <- rabbit_amqqueue:list(), case amqqueue:get_name(Q) of {resource, _, queue, <<"${prefix}", _/binary>>} -> true; _ -> false end, {messages, M} <- rabbit_amqqueue:info(Q, [messages])])`,
      );
      return Number(/^\{ok, (\d+)\}/.exec(counted)?.[1]);
    },
    async drop(prefix) {
      const named = (kind: string): string => `{resource, _, ${kind}, <<"${prefix}", _/binary>>}`;
      await evaluate(
        `[rabbit_amqqueue:delete(Q, false, false, <<"test">>) || Q <- rabbit_amqqueue:list(), case amqqueue:get_name(Q) of ${named("queue")} -> true; _ -> false end], [rabbit_exchange:delete(element(2, X), false, <<"test">>) || X <- rabbit_exchange:list(), case element(2, X) of ${named("exchange")} -> true; _ -> false end], ok`,
      );
    },
  };
}

async function prepareTls(folder: string, port: number, { ca, server }: Certificates) {
  const files = { cacertfile: ca, certfile: server.cert, keyfile: server.key };
  const lines = [`listeners.ssl.default = 127.0.0.1:${port}`];
  for (const [option, text] of Object.entries(files)) {
    const file = join(folder, `${option}.pem`);
    await writeFile(file, text);
    lines.push(`ssl_options.${option} = ${file}`);
  }
  return `${lines.join("\n")}\n`;
}

/** A node on a busy machine takes half a minute. */
async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (let step = 0; step < 600; step++) {
    if (child.exitCode !== null) throw new Error(`rabbitmq-server exited with ${child.exitCode}`);
    try {
      const model = await connect(url, { noDelay: true, timeout: 2000 });
      await model.close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error("rabbitmq-server did not become ready");
}
