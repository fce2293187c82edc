/** The rows of the performance guide that exist with everything in memory. */
import { type Case, compare, type Effort, type Row, type Side } from "./compare.ts";
import { type Child, startChild, startLoadClient } from "./processes.ts";
import type { Growth, InstanceFigures } from "./servers/retention.ts";
import {
  CHUNKS_A_STREAM,
  EXECUTE,
  requestBytes,
  STREAM_EXECUTE,
  TOKENS_A_STREAM,
} from "./workload.ts";

export interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly target: string;
  readonly path: string;
  readonly concurrencies: readonly number[];
  /** Server file and arguments. */
  readonly ours: readonly [string, ...string[]];
  readonly peer: readonly [string, ...string[]];
  /** What one call produces. */
  readonly perCall: number;
}

const comparisons: readonly Comparison[] = [
  {
    name: "Execute, trivial graph ÷ Connect handler calling the graph",
    unit: "calls/s",
    target: "≥ 0.90",
    path: EXECUTE,
    concurrencies: [1, 32, 128],
    ours: ["servers/agentlane.ts", "trivial"],
    peer: ["servers/connect.ts", "graph"],
    perCall: 1,
  },
  {
    name: "Execute, no-op executor ÷ bare Connect echo",
    unit: "calls/s",
    target: "≥ 0.80, then ≥ 2",
    path: EXECUTE,
    concurrencies: [1, 32, 128],
    ours: ["servers/agentlane.ts", "noop"],
    peer: ["servers/connect.ts", "echo"],
    perCall: 1,
  },
  {
    name: "StreamExecute, synthetic chunks ÷ bare Connect streaming",
    unit: "chunks/s",
    target: "≥ 0.9, then ≥ 1.25",
    path: STREAM_EXECUTE,
    concurrencies: [1, 32],
    ours: ["servers/agentlane.ts", "chunks"],
    peer: ["servers/connect.ts", "echo"],
    perCall: CHUNKS_A_STREAM,
  },
  {
    name: "LangGraph messages streaming ÷ in process",
    unit: "tokens/s",
    target: "≥ 0.8",
    path: STREAM_EXECUTE,
    concurrencies: [1, 32],
    ours: ["servers/agentlane.ts", "streaming"],
    peer: ["servers/in-process.ts"],
    perCall: TOKENS_A_STREAM,
  },
];

/** Loads a server over gRPC; a child without a port runs the load itself. */
function side(child: Child, client: ReturnType<typeof startLoadClient>, about: Comparison): Side {
  const message = requestBytes();
  return {
    run: (order) => {
      const full = { ...order, port: child.port, path: about.path, message };
      return child.port === 0 ? child.ask(full) : client.load(full);
    },
    rate: ({ calls, elapsedMs }) => (calls * about.perCall * 1000) / elapsedMs,
  };
}

export async function runComparison(
  about: Comparison,
  effort: Effort,
  onRow: (row: Row) => void,
): Promise<Row[]> {
  const children: { stop(): Promise<void> }[] = [];
  try {
    const client = startLoadClient();
    children.push(client);
    const [ourFile, ...ourArguments] = about.ours;
    const [peerFile, ...peerArguments] = about.peer;
    const ours = await startChild(ourFile, ourArguments);
    children.push(ours);
    const peer = await startChild(peerFile, peerArguments);
    children.push(peer);
    return await compare(
      about,
      side(ours, client, about),
      side(peer, client, about),
      effort,
      onRow,
    );
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

async function withRetention<T>(work: (child: Child) => Promise<T>): Promise<T> {
  const child = await startChild("servers/retention.ts");
  try {
    return await work(child);
  } finally {
    await child.stop();
  }
}

async function runInstances(effort: Effort, onRow: (row: Row) => void): Promise<Row[]> {
  const sessions = effort.long ? 100_000 : 20_000;
  const figures = await withRetention((child) =>
    child.ask<object, InstanceFigures>({ kind: "instances", sessions, live: 10_000 }),
  );
  const rows: Row[] = [
    {
      case: "bytes a live instance beyond its history (10,000) ÷ 12 KiB",
      unit: "bytes",
      ours: figures.bytesAnInstance,
      peer: 12 * 1024,
      ratio: figures.bytesAnInstance / (12 * 1024),
      target: "≤ 1",
    },
    {
      case: `RSS after ${sessions.toLocaleString("en")} sessions evicted and destroyed ÷ at start`,
      unit: "MiB",
      ours: figures.rssAfter / 2 ** 20,
      peer: figures.rssBefore / 2 ** 20,
      ratio: figures.rssAfter / figures.rssBefore,
      target: "≤ 1.1",
    },
  ];
  rows.forEach((row) => {
    onRow(row);
  });
  return rows;
}

async function runGrowth(effort: Effort, onRow: (row: Row) => void): Promise<Row[]> {
  const levels = effort.long ? [1000, 100_000, 1_000_000] : [1000, 100_000];
  const { microseconds } = await withRetention((child) =>
    child.ask<object, Growth>({ kind: "growth", levels }),
  );
  const first = microseconds[0] ?? Number.NaN;
  return levels.slice(1).map((level, index) => {
    const cost = microseconds[index + 1] ?? Number.NaN;
    const row = {
      case: `cost a task at ${level.toLocaleString("en")} retained ÷ at 1,000`,
      unit: "µs",
      ours: cost,
      peer: first,
      ratio: cost / first,
      target: "≤ 1.3",
    };
    onRow(row);
    return row;
  });
}

export const memoryCases: readonly Case[] = [
  ...comparisons.map((about) => ({
    group: "memory",
    name: about.name,
    run: (effort: Effort, onRow: (row: Row) => void) => runComparison(about, effort, onRow),
  })),
  { group: "memory", name: "instances", run: runInstances },
  { group: "memory", name: "growth", run: runGrowth },
];
