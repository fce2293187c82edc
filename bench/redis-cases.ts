/** The rows of the performance guide on Redis: against BullMQ, and against ourselves in memory. */
import { type RedisServer, startRedis } from "../test/harness/redis-server.ts";
import {
  type Case,
  compare,
  type Effort,
  measure,
  median,
  type Row,
  type Side,
} from "./compare.ts";
import type { LoadReport } from "./load-client.ts";
import { type Child, startChild, startLoadClient } from "./processes.ts";
import type { Growth } from "./servers/retention.ts";
import { EXECUTE, requestBytes, STREAM_EXECUTE } from "./workload.ts";

type OnRow = (row: Row) => void;

/** A Redis of the case's own, and its children; all end with it. */
class Scene {
  readonly #parts: { stop(): Promise<void> }[] = [];
  readonly redis: RedisServer;

  private constructor(redis: RedisServer) {
    this.redis = redis;
  }

  static async run<T>(work: (scene: Scene) => Promise<T>): Promise<T> {
    const redis = await startRedis();
    const scene = new Scene(redis);
    try {
      return await work(scene);
    } finally {
      await Promise.all(scene.#parts.map((part) => part.stop()));
      await redis.stop();
    }
  }

  async start(file: string, ...args: string[]): Promise<Child> {
    const child = await startChild(`servers/${file}`, args);
    this.#parts.push(child);
    return child;
  }

  /** Configuration of a process on the scene's Redis. */
  environment(prefix: string, own: Readonly<Record<string, string>> = {}): string {
    const { url } = this.redis;
    return JSON.stringify({
      MESSAGE_QUEUE_TYPE: "redis",
      REDIS_URL: url,
      REDIS_KEY_PREFIX: prefix,
      ...own,
    });
  }

  async gateway(prefix: string, executor: string): Promise<Child> {
    const env = this.environment(prefix, { TASK_MANAGER_ENABLED: "false" });
    return this.start("agentlane.ts", executor, env);
  }

  async worker(prefix: string, executor: string, own = {}): Promise<Child> {
    return this.start("agentlane.ts", executor, this.environment(prefix, own));
  }

  /** Calls a server over gRPC. */
  loaded(server: Child, path: string, markedMessage?: number): Side {
    const client = startLoadClient();
    this.#parts.push(client);
    const call = { port: server.port, path, message: requestBytes() };
    return {
      run: (order) => {
        return client.load({ ...order, ...call, ...(markedMessage && { markedMessage }) });
      },
      rate: callRate,
    };
  }

  async bullmq(): Promise<Side> {
    const worker = await this.start("bullmq.ts", "worker", this.redis.url);
    return this.asking(await this.start("bullmq.ts", "client", this.redis.url), worker);
  }

  /** A child that runs the load itself, and the one that works for it. */
  async asking(child: Child, worker: Child): Promise<Side> {
    const info = String(await this.redis.command("INFO", "server"));
    const redisPid = Number(/process_id:(\d+)/.exec(info)?.[1]);
    const pids = [child.pid, worker.pid, redisPid];
    return { run: (order) => child.ask(order), rate: callRate, pids };
  }
}

function callRate({ calls, elapsedMs }: LoadReport): number {
  return (calls * 1000) / elapsedMs;
}

const CONCURRENCIES = [1, 32, 256];

function seam(effort: Effort, onRow: OnRow): Promise<Row[]> {
  const name = "queue and bus alone on Redis ÷ BullMQ round trip";
  const target = ["≥ 2.5", "≥ 5", "≥ 5"];
  return Scene.run(async (scene) => {
    const worker = await scene.start("redis-seam.ts", "worker", scene.redis.url);
    const client = await scene.start("redis-seam.ts", "client", scene.redis.url);
    const ours = await scene.asking(client, worker);
    const about = { name, unit: "round trips/s", target, concurrencies: CONCURRENCIES };
    return compare(about, ours, await scene.bullmq(), effort, onRow);
  });
}

function submit(effort: Effort, onRow: OnRow): Promise<Row[]> {
  const name = "submit → result through Redis, no RPC ÷ BullMQ round trip";
  const target = ["≥ 1.5", "≥ 4", "≥ 2.5"];
  return Scene.run(async (scene) => {
    const worker = await scene.worker("submit", "noop");
    const client = await scene.start("submit.ts", scene.environment("submit"));
    const ours = await scene.asking(client, worker);
    const about = { name, unit: "tasks/s", target, concurrencies: CONCURRENCIES };
    return compare(about, ours, await scene.bullmq(), effort, onRow);
  });
}

function execute(effort: Effort, onRow: OnRow): Promise<Row[]> {
  const name = "Execute through Redis, gateway and worker apart ÷ in memory";
  return Scene.run(async (scene) => {
    await scene.worker("execute", "noop");
    const ours = scene.loaded(await scene.gateway("execute", "noop"), EXECUTE);
    const peer = scene.loaded(await scene.start("agentlane.ts", "noop"), EXECUTE);
    const about = { name, unit: "calls/s", target: "≥ 0.6", concurrencies: [1, 32, 128] };
    return compare(about, ours, peer, effort, onRow);
  });
}

/** After the entries of QUEUED and RUNNING. */
const FIRST_CHUNK = 3;

function firstChunk(effort: Effort, onRow: OnRow): Promise<Row[]> {
  return Scene.run(async (scene) => {
    await scene.worker("chunk", "chunk");
    const gateway = await scene.gateway("chunk", "chunk");
    const ours = scene.loaded(gateway, STREAM_EXECUTE, FIRST_CHUNK);
    const memory = await scene.start("agentlane.ts", "chunk");
    const peer = scene.loaded(memory, STREAM_EXECUTE, FIRST_CHUNK);
    const order = { concurrency: 1, durationMs: effort.seconds * 1000 };
    const rounds: { ours: number; peer: number }[] = [];
    for (let round = -1; round < effort.rounds; round++) {
      const measured = {
        peer: (await measure(peer, order)).p50Ms,
        ours: (await measure(ours, order)).p50Ms,
      };
      if (round >= 0) rounds.push(measured);
    }
    const row: Row = {
      case: "StreamExecute over Redis, p50 to the first chunk − in memory, c=1",
      unit: "ms",
      ours: median(rounds.map((round) => round.ours)),
      peer: median(rounds.map((round) => round.peer)),
      ratio: median(rounds.map((round) => round.ours - round.peer)),
      target: "≤ 3 ms more",
    };
    onRow(row);
    return [row];
  });
}

/** Both installations stand all the time; the one that is not loaded is idle. */
function workers(effort: Effort, onRow: OnRow): Promise<Row[]> {
  const name = "2 worker processes ÷ 1, graph that computes 10 ms";
  return Scene.run(async (scene) => {
    const slots = { TASK_MANAGER_WORKERS: "4" };
    await scene.worker("two", "burning", slots);
    await scene.worker("two", "burning", slots);
    await scene.worker("one", "burning", slots);
    const ours = scene.loaded(await scene.gateway("two", "burning"), EXECUTE);
    const peer = scene.loaded(await scene.gateway("one", "burning"), EXECUTE);
    const about = { name, unit: "calls/s", target: "≥ 1.4", concurrencies: [16] };
    return compare(about, ours, peer, effort, onRow);
  });
}

function growth(effort: Effort, onRow: OnRow): Promise<Row[]> {
  const levels = effort.long ? [1000, 100_000, 1_000_000] : [1000, 100_000];
  return Scene.run(async (scene) => {
    const child = await scene.start("retention.ts");
    const env = JSON.parse(scene.environment("growth"));
    const order = { kind: "growth", levels, env };
    const { microseconds } = await child.ask<object, Growth>(order);
    const first = microseconds[0] ?? Number.NaN;
    return levels.slice(1).map((level, index) => {
      const cost = microseconds[index + 1] ?? Number.NaN;
      const row: Row = {
        case: `Redis: cost a task at ${level.toLocaleString("en")} retained ÷ at 1,000`,
        unit: "µs",
        ours: cost,
        peer: first,
        ratio: cost / first,
        target: "≤ 1.3",
      };
      onRow(row);
      return row;
    });
  });
}

/** Hours, the shortest there is: over many times in a run of a million tasks. */
const SHORT_RETENTION = "0.01";

/** Memory once retention takes as much as comes in, and at the end. */
async function memory(effort: Effort, onRow: OnRow): Promise<Row[]> {
  if (!effort.long) return [];
  const count = 1_000_000;
  const step = count / 20;
  return Scene.run(async (scene) => {
    const child = await scene.start("retention.ts");
    const own = { MESSAGE_RETENTION_HOURS: SHORT_RETENTION, TASK_RETENTION_HOURS: SHORT_RETENTION };
    const env = JSON.parse(scene.environment("flow", own));
    const usedMiB: number[] = [];
    for (let done = 0; done < count; done += step) {
      await child.ask({ kind: "flow", count: step, env });
      usedMiB.push((await usedMemory(scene.redis)) / 2 ** 20);
    }
    const early = median(usedMiB.slice(4, 9));
    const late = median(usedMiB.slice(15));
    const row: Row = {
      case: `Redis: memory in use after ${count.toLocaleString("en")} tasks ÷ after a third`,
      unit: "MiB",
      ours: late,
      peer: early,
      ratio: late / early,
      target: "≤ 1.3",
    };
    onRow(row);
    return [row];
  });
}

async function usedMemory(redis: RedisServer): Promise<number> {
  const info = String(await redis.command("INFO", "memory"));
  return Number(/used_memory:(\d+)/.exec(info)?.[1]);
}

export const redisCases: readonly Case[] = [
  { group: "redis", name: "redis seam", run: seam },
  { group: "redis", name: "redis submit", run: submit },
  { group: "redis", name: "redis execute", run: execute },
  { group: "redis", name: "redis first chunk", run: firstChunk },
  { group: "redis", name: "redis workers", run: workers },
  { group: "redis", name: "redis growth", run: growth },
  { group: "redis", name: "redis memory", run: memory },
];
