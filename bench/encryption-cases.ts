/** What it costs to encrypt content: the same servers with keys and without, everything in memory. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Case, Effort, Row } from "./compare.ts";
import { type Comparison, runComparison } from "./memory-cases.ts";
import { CHUNKS_A_STREAM, EXECUTE, STREAM_EXECUTE } from "./workload.ts";

type About = Omit<Comparison, "ours" | "peer" | "concurrencies" | "target"> & {
  readonly executor: string;
};

const abouts: readonly About[] = [
  {
    name: "no-op Execute, encrypted",
    unit: "calls/s",
    path: EXECUTE,
    executor: "noop",
    perCall: 1,
  },
  {
    name: "Execute of a trivial graph, encrypted",
    unit: "calls/s",
    path: EXECUTE,
    executor: "trivial",
    perCall: 1,
  },
  {
    name: "StreamExecute of synthetic chunks, encrypted",
    unit: "chunks/s",
    path: STREAM_EXECUTE,
    executor: "chunks",
    perCall: CHUNKS_A_STREAM,
  },
];

async function run(
  { executor, ...about }: About,
  effort: Effort,
  onRow: (row: Row) => void,
): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-bench-"));
  try {
    const file = join(folder, "keys.json");
    const keys = { k1: randomBytes(32).toString("base64") };
    writeFileSync(file, JSON.stringify({ active: "k1", keys }), { mode: 0o600 });
    const configuration = JSON.stringify({ PAYLOAD_KEYS_FILE: file });
    const comparison: Comparison = {
      ...about,
      target: "",
      concurrencies: [32],
      ours: ["servers/agentlane.ts", executor, configuration],
      peer: ["servers/agentlane.ts", executor],
    };
    return await runComparison(comparison, effort, onRow);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const encryptionCases: readonly Case[] = abouts.map((about) => ({
  group: "encryption",
  name: about.name,
  run: (effort, onRow) => run(about, effort, onRow),
}));
