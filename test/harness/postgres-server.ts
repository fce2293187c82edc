/**
 * A PostgreSQL for tests: one of its own on a free port, or databases of their own on POSTGRES_URL. With
 * POSTGRES_17=1 it is the one that scripts/debian-13.sh has installed.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readFileSync } from "node:fs";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Client } from "pg";
import type { Certificates } from "../server/certificates.ts";
import { freePort } from "./free-port.ts";
import { newerServers } from "./newer-servers.ts";

export interface PostgresServerOptions {
  /** Whether commits wait for the disk. Default false: tests that crash nothing need not. */
  readonly fsync?: boolean;
  /** Of the superuser `postgres`; without one everybody is trusted. */
  readonly password?: string;
  /** It then takes nobody without TLS and a certificate of the authority; PEM texts. */
  readonly tls?: Certificates;
  /** As in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface PostgresServer {
  readonly port: number;
  /** As the superuser. */
  url(database?: string): string;
  /** A new, empty database; answers its URL. */
  createDatabase(): Promise<string>;
  /** Kills all processes of the server, without a chance to save. */
  kill(): Promise<void>;
  /** As `pg_ctl stop -m fast`: connections are cut, data is saved. */
  shutDown(): Promise<void>;
  /** Starts it again on the same port and folder. */
  start(): Promise<void>;
  /** Ends all connections but the one that asks; answers how many. */
  terminateAll(): Promise<number>;
  stop(): Promise<void>;
}

/** Runs statements on a connection of its own; answers the rows of the last one. */
export async function sql(
  url: string,
  text: string,
  values?: unknown[],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const result = await client.query(text, values);
    return (Array.isArray(result) ? result.at(-1) : result).rows;
  } finally {
    await client.end();
  }
}

const newer = process.env.POSTGRES_17 === "1" ? newerServers() : undefined;

const folderOfPrograms: string | undefined = (() => {
  if (newer) return "";
  const inPath = spawnSync("initdb", ["--version"]).status === 0;
  if (inPath) return "";
  const installed = globSync("/usr/lib/postgresql/*/bin/initdb").sort();
  return installed.at(-1)?.slice(0, -"initdb".length);
})();

/**
 * Whether tests that need PostgreSQL can run. Missing, it fails them in CI; elsewhere it is told once
 * and they are skipped.
 */
export const hasPostgres: boolean = (() => {
  if (process.env.POSTGRES_URL || folderOfPrograms !== undefined) return true;
  if (process.env.CI) {
    throw new Error("PostgreSQL is missing; CI needs it (apt-get install postgresql)");
  }
  console.warn("SKIPPED: PostgreSQL is missing, and so is POSTGRES_URL; its tests do not run");
  return false;
})();

let databaseCount = 0;

async function newDatabase(urlOf: (database?: string) => string): Promise<string> {
  const name = `test_${process.pid}_${++databaseCount}`;
  await sql(urlOf(), `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
  return urlOf(name);
}

/** A server that tests share and do not harm: POSTGRES_URL, or one of their own. */
export async function sharedPostgres(): Promise<Pick<PostgresServer, "createDatabase" | "stop">> {
  const { POSTGRES_URL: given } = process.env;
  if (!given) return startPostgres();
  const made: string[] = [];
  const urlOf = (database?: string): string => {
    const url = new URL(given);
    if (database !== undefined) url.pathname = `/${database}`;
    return url.href;
  };
  return {
    async createDatabase() {
      const url = await newDatabase(urlOf);
      made.push(new URL(url).pathname.slice(1));
      return url;
    },
    async stop() {
      for (const name of made) await sql(given, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** A server that only one test has. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), "agentlane-postgres-"));
  const data = join(folder, "data");
  const owner = ownerOfServer();
  if (owner) await chown(folder, owner.uid, owner.gid);
  await initialize(folder, data, options.password, owner);
  const secret = options.password === undefined ? "" : `:${options.password}`;
  const more = options.tls ? await prepareTls(folder, data, options.tls, owner) : "";
  // Late: others look for free ports too, and what is above takes seconds.
  const port = await freePort();
  const url = (database = "postgres"): string =>
    `postgres://postgres${secret}@127.0.0.1:${port}/${database}${more}`;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    if (child) return;
    // After a kill the old children may still hold the shared memory: until they have gone, a new
    // server refuses to start.
    for (let tries = 0; ; tries++) {
      const starting = spawnProgram("postgres", flags(data, port, options), owner);
      child = starting;
      if (await becomesReady(url(), starting)) return;
      if (tries === 50) throw new Error(`postgres exited with ${starting.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const closed = once(ending, "close");
    const children = signal === "SIGKILL" ? childrenOf(ending) : [];
    ending.kill(signal);
    for (const pid of children) killIfThere(pid);
    await closed;
  }
  await start();
  return {
    port,
    url,
    start,
    kill: () => end("SIGKILL"),
    shutDown: () => end("SIGINT"),
    createDatabase: () => newDatabase(url),
    async terminateAll() {
      const [row] = await sql(
        url(),
        "SELECT count(pg_terminate_backend(pid))::integer AS count FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
      );
      return Number(row?.count);
    },
    async stop() {
      await end("SIGINT");
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** They would answer for a while after their parent has died. */
function childrenOf({ pid }: ChildProcess): number[] {
  const { stdout } = spawnSync("pgrep", ["-P", `${pid}`], { encoding: "utf8" });
  return stdout.split("\n").filter(Boolean).map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function spawnProgram(name: string, args: string[], owner: Owner | undefined): ChildProcess {
  if (!newer) return spawn(`${folderOfPrograms}${name}`, args, { stdio: "ignore", ...owner });
  const user = owner && { AGENTLANE_TRIXIE_USER: `${owner.uid}:${owner.gid}` };
  const env = { ...process.env, ...user, AGENTLANE_TRIXIE: newer.root, TMPDIR: tmpdir() };
  return spawn(newer.script, ["run", name, ...args], { stdio: "ignore", env });
}

/** As the URL of whoever may connect says. */
async function prepareTls(
  folder: string,
  data: string,
  { ca, server, client }: Certificates,
  owner: Owner | undefined,
): Promise<string> {
  const files = {
    "ca.crt": ca,
    "server.crt": server.cert,
    "server.key": server.key,
    "client.crt": client.cert,
    "client.key": client.key,
  };
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name);
    await writeFile(file, text, { mode: 0o600 });
    if (owner) await chown(file, owner.uid, owner.gid);
  }
  await writeFile(
    join(data, "pg_hba.conf"),
    "hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n",
  );
  const at = (name: string): string => encodeURIComponent(join(folder, name));
  return `?sslmode=verify-full&sslrootcert=${at("ca.crt")}&sslcert=${at("client.crt")}&sslkey=${at("client.key")}`;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root. */
function ownerOfServer(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (newer) {
    const users = readFileSync(join(newer.root, "etc/passwd"), "utf8");
    const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(users) ?? [];
    return { uid: Number(uid), gid: Number(gid) };
  }
  const idOf = (flag: string): number => {
    const { status, stdout } = spawnSync("id", [flag, "postgres"], { encoding: "utf8" });
    if (status !== 0) throw new Error("run as root, tests on PostgreSQL need the user postgres");
    return Number(stdout);
  };
  return { uid: idOf("-u"), gid: idOf("-g") };
}

async function initialize(
  folder: string,
  data: string,
  password: string | undefined,
  owner: Owner | undefined,
): Promise<void> {
  const passwordFile = join(folder, "password");
  if (password !== undefined) {
    await writeFile(passwordFile, password);
    if (owner) await chown(passwordFile, owner.uid, owner.gid);
  }
  const args = [
    ...["-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"],
    ...(password === undefined
      ? ["-A", "trust"]
      : ["-A", "scram-sha-256", "--pwfile", passwordFile]),
  ];
  const child = spawnProgram("initdb", args, owner);
  const [code] = await once(child, "close");
  if (code !== 0 || !existsSync(data)) throw new Error(`initdb exited with ${code}`);
}

function flags(data: string, port: number, options: PostgresServerOptions): string[] {
  const settings = {
    listen_addresses: "127.0.0.1",
    port: `${port}`,
    unix_socket_directories: "",
    fsync: options.fsync ? "on" : "off",
    shared_buffers: "64MB",
    log_min_messages: "panic",
    ...(options.tls && tlsSettings(dirname(data))),
    ...options.settings,
  };
  return [
    "-D",
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
}

function tlsSettings(folder: string): Record<string, string> {
  const files = { ssl_ca_file: "ca.crt", ssl_cert_file: "server.crt", ssl_key_file: "server.key" };
  const named = Object.entries(files).map(([setting, name]) => [setting, join(folder, name)]);
  return { ssl: "on", ...Object.fromEntries(named) };
}

/** False when it has exited instead. */
async function becomesReady(url: string, child: ChildProcess): Promise<boolean> {
  for (let step = 0; step < 1000; step++) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    try {
      await sql(url, "SELECT 1");
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error("postgres did not become ready");
}
