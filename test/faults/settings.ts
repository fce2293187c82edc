/** What a fault run is made of. */
import type { Backend } from "./backends/contract.ts";

/** Of processes that are either gateway or worker, and of one that is both. */
export const KILL_KINDS = { spread: ["kill-worker", "kill-gateway"], single: ["kill-server"] };
/** Between processes and servers. */
const PROXY_KINDS = ["swallow-replies", "partition"];

/** All that can happen to a backend and its processes, in the order in which a run begins. */
export function faultKindsOf({ layout, isRemote, faultKinds }: Backend): string[] {
  return [
    ...KILL_KINDS[layout],
    "freeze",
    "block-short",
    ...(isRemote ? PROXY_KINDS : []),
    ...faultKinds,
    "block-long",
  ];
}

export interface FaultSettings {
  readonly backend: Backend;
  readonly seed: number;
  /** How long load and faults last. */
  readonly loadMs: number;
  /** Of those of the backend. */
  readonly kinds: readonly string[];
  /** Of a backend with the layout `spread`. */
  readonly gatewayCount: number;
  readonly workerCount: number;
  /** Attempts at once of a worker. */
  readonly slotCount: number;
  /** Between two kills, and between two other faults: uniform in [from, to]. */
  readonly killGapMs: readonly [from: number, to: number];
  readonly faultGapMs: readonly [from: number, to: number];
  /** Conversations at once. */
  readonly conversationCount: number;
  readonly turnsPerSession: number;
  /** Turns that a client submits at most before it waits for an answer. */
  readonly maxAheadCount: number;
  /** After the faults, everything has ended within this. */
  readonly settleMs: number;
  /** Logs that are read of tasks that nothing has happened to; of all others all are read. */
  readonly ordinaryLogShare: number;
  /** Ends the run before its time, without a report. */
  readonly signal: AbortSignal;
  /** One line of progress; for people. */
  readonly print: (line: string) => void;
}

export const LEASE_MS = 2500;
export const RENEW_MS = 500;
export const SWEEP_MS = 300;
/** What the reliability guide asks for once the backend is back. */
export const CONSUMERS_RESUME_MS = 10_000;

export const DEFAULT_SETTINGS = {
  gatewayCount: 2,
  workerCount: 3,
  slotCount: 16,
  conversationCount: 40,
  turnsPerSession: 40,
  maxAheadCount: 6,
  settleMs: 90_000,
  killGapMs: [1000, 3000],
  faultGapMs: [500, 1500],
  ordinaryLogShare: 1,
} as const;
