/** The server under attack, with its attacker and its innocent clients, each in a process of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { serve } from "../harness/process.ts";
import type { BrokerUrls } from "./catalog.ts";

const PAGE_BYTES = 4096;
const SAMPLE_MS = 10;
/** What innocent clients leave in the memory store is bounded soon, and is no attack's. */
const FEW_RECORDS = { MEMORY_MAX_ENDED_TASKS: "1000", MEMORY_MAX_ENDED_EVENTS: "10000" };

export interface Figures {
  readonly p99Ms: number;
  readonly callCount: number;
  readonly failureCount: number;
}

export interface Outcome {
  /** What the attack has done; absent where it was let do what it must not. */
  readonly done?: string | undefined;
  readonly problem?: string | undefined;
}

export interface Target {
  readonly isAlive: boolean;
  /** All that it has printed. */
  output(): string;
  /** Resident, in bytes. */
  memory(): number;
  /** Honest calls, until the server has the size that it has at work. */
  warmUp(): Promise<void>;
  /** What innocent clients notice for `ms`. */
  measure(ms: number): Promise<Figures>;
  /** Lets the attacker make what it needs. */
  prepare(group: string, name: string): Promise<void>;
  /** From the address `from`. */
  attack(group: string, name: string, from: string, ms: number): Promise<Outcome>;
  /** Samples the memory until it is stopped, which answers the most there was, in bytes. */
  watchMemory(): { stop(): number };
  stop(): Promise<void>;
}

const figures = z.object({ p99Ms: z.number(), callCount: z.number(), failureCount: z.number() });
const outcome = z.object({ done: z.string().optional(), problem: z.string().optional() });

export async function startTarget(
  urls: BrokerUrls,
  environment: Readonly<Record<string, string>>,
): Promise<Target> {
  const server = await serve([], { ...FEW_RECORDS, ...environment });
  let isAlive = true;
  void server.exited.then(() => {
    isAlive = false;
  });
  const url = `http://${server.address}`;
  const port = Number(server.address.split(":").at(-1));
  const innocent = await started("innocent.ts", [url]);
  const attacker = await started("attacker.ts", []);
  const order = async (
    group: string,
    name: string,
    from = "",
    ms: number | undefined = undefined,
  ): Promise<Outcome> =>
    outcome.parse(await asked(attacker, { urls, group, name, victim: { port, url, from }, ms }));
  return {
    get isAlive() {
      return isAlive;
    },
    output: server.output,
    memory: () => rssOf(server.pid),
    warmUp: async () => void (await asked(innocent, { warmUp: true })),
    measure: async (ms) => figures.parse(await asked(innocent, { ms })),
    prepare: async (group, name) => void (await order(group, name)),
    attack: order,
    watchMemory: () => samplePeak(server.pid),
    async stop() {
      await Promise.all([end(innocent), end(attacker)]);
      server.kill("SIGKILL");
      await server.exited;
    },
  };
}

/** Resolves when it is ready. */
async function started(file: string, args: readonly string[]): Promise<ChildProcess> {
  const child = fork(new URL(file, import.meta.url), args, { execArgv: [] });
  await once(child, "message");
  return child;
}

async function asked(child: ChildProcess, question: object): Promise<unknown> {
  const told = once(child, "message");
  child.send(question);
  return (await told)[0];
}

async function end(child: ChildProcess): Promise<void> {
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
}

function samplePeak(pid: number): { stop(): number } {
  let peak = rssOf(pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, rssOf(pid));
  }, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      return Math.max(peak, rssOf(pid));
    },
  };
}

/** Zero once it is gone. */
function rssOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
