/** What durability costs: SQLite beside the memory store, everything else equal. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Case, compare, type Effort, type Row, type Side } from "./compare.ts";
import { type Child, startChild, startLoadClient } from "./processes.ts";
import type { LoopDelay } from "./servers/sqlite.ts";
import { EXECUTE, requestBytes } from "./workload.ts";

const CONCURRENCIES = [1, 32, 256];
const SERVER = "servers/sqlite.ts";

export const sqliteCases: readonly Case[] = (["full", "normal"] as const).map((durability) => ({
  group: "sqlite",
  name: `SQLite, synchronous=${durability.toUpperCase()} ÷ memory`,
  run: (effort, onRow) => run(durability, effort, onRow),
}));

async function run(
  durability: "full" | "normal",
  effort: Effort,
  onRow: (row: Row) => void,
): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "agentlane-bench-"));
  const children: { stop(): Promise<void> }[] = [];
  try {
    const client = startLoadClient();
    children.push(client);
    const ours = await startChild(SERVER, [durability, join(folder, "store.db")]);
    children.push(ours);
    const peer = await startChild(SERVER, ["memory"]);
    children.push(peer);
    const rows: Row[] = [];
    for (const concurrency of CONCURRENCIES) {
      const about = {
        name: `submit → result, SQLite synchronous=${durability.toUpperCase()} ÷ memory store`,
        unit: "tasks/s",
        target: "none",
        concurrencies: [concurrency],
      };
      rows.push(...(await compare(about, side(ours, client), side(peer, client), effort, onRow)));
      const row = await delayOf(about.name, concurrency, ours, peer);
      rows.push(row);
      onRow(row);
    }
    return rows;
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await rm(folder, { recursive: true });
  }
}

function side(child: Child, client: ReturnType<typeof startLoadClient>): Side {
  const message = requestBytes();
  return {
    run: (order) => client.load({ ...order, port: child.port, path: EXECUTE, message }),
    rate: ({ calls, elapsedMs }) => (calls * 1000) / elapsedMs,
  };
}

/** Since the last question. */
async function delayOf(name: string, concurrency: number, ours: Child, peer: Child): Promise<Row> {
  const [mine, theirs] = [
    await ours.ask<object, LoopDelay>({}),
    await peer.ask<object, LoopDelay>({}),
  ];
  return {
    case: `${name}, event loop late p99, c=${concurrency}`,
    unit: "ms",
    ours: mine.p99Ms,
    peer: theirs.p99Ms,
    ratio: mine.p99Ms / theirs.p99Ms,
    target: "none",
    note: `max ${mine.maxMs.toFixed(0)} ms, memory ${theirs.maxMs.toFixed(0)} ms`,
  };
}
