/** Side by side: rounds alternate between the two, so that a machine that drifts drifts for both. */
import { cpuMsOf } from "./cpu.ts";
import type { LoadOrder, LoadReport } from "./load-client.ts";

export interface Row {
  readonly case: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number;
  /** Median of the rounds' ratios, or ours ÷ peer where there is one round. */
  readonly ratio: number;
  /** As the performance guide states it. */
  readonly target: string;
  /** Something to know about the figures; absent = nothing. */
  readonly note?: string;
}

export interface Effort {
  /** Length of a round of one side. */
  readonly seconds: number;
  readonly rounds: number;
  /** Sizes that take minutes and gigabytes. */
  readonly long: boolean;
}

export interface Case {
  /** What `--only` selects. */
  readonly group: string;
  readonly name: string;
  run(effort: Effort, onRow: (row: Row) => void): Promise<Row[]>;
}

export interface Side {
  run(order: { concurrency: number; durationMs: number }): Promise<LoadReport>;
  /** What a round produced per second. */
  rate(report: LoadReport): number;
  /** Processes that work for a call on this side; absent = not told. */
  readonly pids?: readonly number[];
}

/** Above this share of a core the client is what limits the rate. */
const CLIENT_LIMIT = 0.9;
const WARM_UP_MS = 2000;
const WARM_UP_CONCURRENCY = 32;

/** One row per concurrency. */
export async function compare(
  about: {
    name: string;
    unit: string;
    /** One for all, or one for each concurrency. */
    target: string | readonly string[];
    concurrencies: readonly number[];
  },
  ours: Side,
  peer: Side,
  effort: Effort,
  onRow: (row: Row) => void,
): Promise<Row[]> {
  const durationMs = effort.seconds * 1000;
  await measure(peer, { concurrency: WARM_UP_CONCURRENCY, durationMs: WARM_UP_MS });
  await measure(ours, { concurrency: WARM_UP_CONCURRENCY, durationMs: WARM_UP_MS });
  const rows: Row[] = [];
  for (const [index, concurrency] of about.concurrencies.entries()) {
    const target = typeof about.target === "string" ? about.target : (about.target[index] ?? "");
    const rounds: { ours: Measured; peer: Measured }[] = [];
    for (let round = 0; round < effort.rounds; round++) {
      const order = { concurrency, durationMs };
      rounds.push({ peer: await measure(peer, order), ours: await measure(ours, order) });
    }
    const notes = [clientNote(rounds.map(({ ours }) => ours)), cpuNote(rounds)].filter(Boolean);
    const row = {
      case: `${about.name}, c=${concurrency}`,
      unit: about.unit,
      ours: median(rounds.map((round) => round.ours.rate)),
      peer: median(rounds.map((round) => round.peer.rate)),
      ratio: median(rounds.map((round) => round.ours.rate / round.peer.rate)),
      target,
      ...(notes.length > 0 && { note: notes.join("; ") }),
    };
    rows.push(row);
    onRow(row);
  }
  return rows;
}

export interface Measured {
  readonly rate: number;
  readonly p50Ms: number;
  readonly clientLoad: number;
  /** CPU time a call, over all of the side's processes; NaN = not known. */
  readonly cpuUs: number;
}

function clientNote(rounds: readonly Measured[]): string {
  const clientLoad = median(rounds.map((round) => round.clientLoad));
  return clientLoad > CLIENT_LIMIT ? "limited by the client: at least this" : "";
}

function cpuNote(rounds: readonly { ours: Measured; peer: Measured }[]): string {
  const ours = Math.round(median(rounds.map((round) => round.ours.cpuUs)));
  const peer = Math.round(median(rounds.map((round) => round.peer.cpuUs)));
  return ours > 0 && peer > 0 ? `CPU a call: ${ours} µs, peer ${peer} µs` : "";
}

export async function measure(
  side: Side,
  order: Pick<LoadOrder, "concurrency" | "durationMs">,
): Promise<Measured> {
  const cpuBefore = cpuMsOf(side.pids ?? []);
  const report = await side.run(order);
  const cpuMs = (cpuMsOf(side.pids ?? []) ?? Number.NaN) - (cpuBefore ?? Number.NaN);
  if (report.failures > 0) {
    throw new Error(`${report.failures} calls failed, the first with: ${report.firstFailure}`);
  }
  const { p50Ms, clientLoad } = report;
  return { rate: side.rate(report), p50Ms, clientLoad, cpuUs: (cpuMs * 1000) / report.calls };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
