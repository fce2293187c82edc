/** The server under attack, in a process of its own, with what it costs and what its clients notice. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { serve } from "../harness/process.ts";

const PAGE_BYTES = 4096;
const SAMPLE_MS = 10;

export interface Figures {
  readonly p99Ms: number;
  readonly callCount: number;
  readonly failureCount: number;
}

export interface Target {
  readonly port: number;
  readonly url: string;
  readonly isAlive: boolean;
  /** All that it has printed. */
  output(): string;
  /** What innocent clients notice for `ms`. */
  measure(ms: number): Promise<Figures>;
  /** Samples the memory until it is stopped, which answers the most there was, in bytes. */
  watchMemory(): { stop(): number };
  stop(): Promise<void>;
}

const figures = z.object({ p99Ms: z.number(), callCount: z.number(), failureCount: z.number() });

export async function startTarget(environment: Record<string, string> = {}): Promise<Target> {
  const server = await serve([], environment);
  let isAlive = true;
  void server.exited.then(() => {
    isAlive = false;
  });
  const url = `http://${server.address}`;
  const innocent = fork(new URL("innocent.ts", import.meta.url), [url], { execArgv: [] });
  await once(innocent, "message");
  return {
    port: Number(server.address.split(":").at(-1)),
    url,
    get isAlive() {
      return isAlive;
    },
    output: server.output,
    async measure(ms) {
      const told = once(innocent, "message");
      innocent.send({ ms });
      return figures.parse((await told)[0]);
    },
    watchMemory: () => samplePeak(server.pid),
    async stop() {
      await end(innocent);
      server.kill("SIGKILL");
      await server.exited;
    },
  };
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
