/** What metrics, traces and logs cost: the same servers with them and without, in alternating rounds. */
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "../test/harness/redis-server.ts";
import { type Case, compare, type Effort, type Row, type Side } from "./compare.ts";
import { startChild, startLoadClient } from "./processes.ts";
import { CHUNKS_A_STREAM, EXECUTE, requestBytes, STREAM_EXECUTE } from "./workload.ts";

type Environment = Readonly<Record<string, string>>;

interface About {
  readonly name: string;
  readonly executor: string;
  readonly path: string;
  readonly perCall: number;
  /** What of traces is kept; undefined = metrics alone. */
  readonly sampled: string | undefined;
  /** Beside metrics, lines of logs into a file. */
  readonly logged: boolean;
  /** Gateway and worker apart, on a Redis of the case's own. */
  readonly throughRedis: boolean;
}

const execute = { path: EXECUTE, perCall: 1, logged: false, throughRedis: false };
const abouts: readonly About[] = [
  { ...execute, name: "no-op Execute, metrics", executor: "noop", sampled: undefined },
  {
    ...execute,
    name: "no-op Execute, metrics and a tenth of the traces",
    executor: "noop",
    sampled: "0.1",
  },
  { ...execute, name: "no-op Execute, metrics and all traces", executor: "noop", sampled: "1" },
  {
    ...execute,
    name: "no-op Execute, metrics and logs",
    executor: "noop",
    sampled: undefined,
    logged: true,
  },
  {
    ...execute,
    name: "no-op Execute, metrics, all traces and logs",
    executor: "noop",
    sampled: "1",
    logged: true,
  },
  {
    ...execute,
    name: "Execute of a trivial graph, metrics and all traces",
    executor: "trivial",
    sampled: "1",
  },
  {
    name: "StreamExecute of synthetic chunks, metrics and all traces",
    executor: "chunks",
    path: STREAM_EXECUTE,
    perCall: CHUNKS_A_STREAM,
    sampled: "1",
    logged: false,
    throughRedis: false,
  },
  {
    ...execute,
    name: "no-op Execute through Redis, metrics and all traces",
    executor: "noop",
    sampled: "1",
    throughRedis: true,
  },
];

async function run(about: About, effort: Effort, onRow: (row: Row) => void): Promise<Row[]> {
  const ending: (() => Promise<void>)[] = [];
  async function child(file: string, args: readonly string[], output?: number) {
    const started = await startChild(`servers/${file}`, args, output);
    ending.push(() => started.stop());
    return started;
  }

  /** The server, or the gateway before a worker. */
  async function side(
    name: string,
    env: Environment,
    more: readonly string[],
    output?: number,
  ): Promise<Side> {
    const start = (own: Environment) =>
      child("agentlane.ts", [about.executor, JSON.stringify({ ...env, ...own }), ...more], output);
    const shared = await redisOf(name);
    const pids = shared ? [(await start(shared)).pid] : [];
    const server = await start({ ...shared, ...(shared && { TASK_MANAGER_ENABLED: "false" }) });
    const client = startLoadClient();
    ending.push(() => client.stop());
    const call = { port: server.port, path: about.path, message: requestBytes() };
    return {
      run: (order) => client.load({ ...order, ...call }),
      rate: ({ calls, elapsedMs }) => (calls * about.perCall * 1000) / elapsedMs,
      pids: [...pids, server.pid],
    };
  }

  function logFile(): number {
    const folder = mkdtempSync(join(tmpdir(), "agentlane-bench-"));
    const file = openSync(join(folder, "log"), "w");
    ending.unshift(async () => {
      closeSync(file);
      rmSync(folder, { recursive: true });
    });
    return file;
  }

  async function redisOf(prefix: string): Promise<Environment | undefined> {
    if (!about.throughRedis) return undefined;
    const redis = await startRedis();
    ending.push(() => redis.stop());
    return { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: redis.url, REDIS_KEY_PREFIX: prefix };
  }

  try {
    const collector = await child("collector.ts", []);
    const traces = about.sampled && {
      OTEL_TRACES_EXPORTER: "otlp",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: about.sampled,
    };
    const env = { METRICS_PORT: "0", ...(traces || {}) };
    const observed = about.logged
      ? await side("on", env, ["observed", "logged"], logFile())
      : await side("on", env, ["observed"]);
    const plain = await side("off", {}, []);
    const row = {
      name: `${about.name} ÷ neither`,
      unit: "/s",
      target: "≥ 0.90",
      concurrencies: [32],
    };
    return await compare(row, observed, plain, effort, onRow);
  } finally {
    for (const end of ending.reverse()) await end();
  }
}

export const telemetryCases: readonly Case[] = abouts.map((about) => ({
  group: "telemetry",
  name: `telemetry: ${about.name}`,
  run: (effort: Effort, onRow: (row: Row) => void) => run(about, effort, onRow),
}));
