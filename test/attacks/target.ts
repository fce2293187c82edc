/** The server under attack, a process of its own. */
import { readFileSync } from "node:fs";
import { serve } from "../harness/process.ts";

const PAGE_BYTES = 4096;
const SAMPLE_MS = 10;
const DEATH_CHARACTERS = 2000;
/** What innocent clients leave in the memory store is bounded soon, and is no attack's. */
const FEW_RECORDS = { MEMORY_MAX_ENDED_TASKS: "1000", MEMORY_MAX_ENDED_EVENTS: "10000" };

export interface Target {
  readonly url: string;
  readonly port: number;
  readonly isAlive: boolean;
  /** How it ended; empty while it lives. */
  readonly death: string;
  /** All that it has printed. */
  output(): string;
  /** Resident, in bytes. */
  memory(): number;
  /** Samples the memory until it is stopped, which answers the most there was, in bytes. */
  watchMemory(): { stop(): number };
  stop(): Promise<void>;
}

export async function startTarget(environment: Readonly<Record<string, string>>): Promise<Target> {
  const server = await serve([], { ...FEW_RECORDS, ...environment });
  let death = "";
  void server.exited.then((code) => {
    death = `exit code ${code}: ${server.errors().slice(-DEATH_CHARACTERS)}`;
  });
  return {
    url: `http://${server.address}`,
    port: Number(server.address.split(":").at(-1)),
    get isAlive() {
      return death === "";
    },
    get death() {
      return death;
    },
    output: server.output,
    memory: () => rssOf(server.pid),
    watchMemory: () => samplePeak(server.pid),
    async stop() {
      server.kill("SIGKILL");
      await server.exited;
    },
  };
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
