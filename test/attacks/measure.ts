/** One attack against a server: spans without and with it alternate, and each is measured. */
import { setTimeout } from "node:timers/promises";
import type { Attack, Victim } from "./attack.ts";
import type { Crew } from "./crew.ts";
import { judgeLatency, type Latency, type Span } from "./judgement.ts";
import { watchMachine } from "./machine.ts";
import type { Target } from "./target.ts";

const MIB = 1024 * 1024;
/** Of an attacking connection, above what the server takes without it. */
const MAX_RSS_BYTES = 64 * MIB;
/** Of all attacking connections together, or … */
const MAX_TOTAL_RSS_BYTES = 256 * MIB;
/** … this many times what well-behaved clients with as much work take: it is kept for them as well. */
const MAX_HONEST_RSS_FACTOR = 1.25;
/** What follows an attack, such as a thousand connections that end, is the attack's. */
const AFTERMATH_MS = 60;
/** Of a new server: enough calls for a p99. */
const FIRST_BASE_MS = 700;

export interface Measure {
  readonly quietMs: number;
  readonly attackedMs: number;
  /** Spans of each kind; the attack is judged after them … */
  readonly spanCount: number;
  /** … and once more after this many, where it was not found harmless. */
  readonly mostSpanCount: number;
}

export interface Row {
  readonly name: string;
  readonly done: string;
  /** The most there was above base, of all spans. */
  readonly rssBytes: number;
  readonly latency: Latency;
  readonly isAlive: boolean;
  readonly problems: readonly string[];
}

/** What is measured of a server, one attack after the other. */
export interface Scene {
  readonly target: Target;
  readonly crew: Crew;
  /** What is left of the time that attacks may take longer for being not judged. Shrinks. */
  readonly patience: { leftMs: number };
  /** Resident before any attack, in bytes: what one has left behind is no base for the next. */
  readonly baseRss: number;
  /** The spans without an attack, of all attacks on this server: few calls have no p99. Grows. */
  readonly base: Span[];
}

export async function measure(
  { target, crew, patience, baseRss, base }: Scene,
  group: string,
  attack: Attack,
  from: string,
  { quietMs, attackedMs, spanCount, mostSpanCount }: Measure,
): Promise<Row> {
  const { name, connectionCount } = attack;
  const victim: Victim = { port: target.port, url: target.url, from };
  const attacked: Span[] = [];
  const honest: Span[] = [];
  const problems = new Set<string>();
  let done = "";
  let failureCount = 0;
  let attackedRss = 0;
  let honestRss = 0;

  async function span(act: () => Promise<void>): Promise<Span & { rss: number }> {
    const [machine, memory] = [watchMachine(), target.watchMemory()];
    const calls = await crew.startCalls();
    await act();
    const figures = await calls.stop();
    failureCount += figures.failureCount;
    const { latenciesMs } = figures;
    return { latenciesMs, othersShare: machine.othersShare(), rss: memory.stop() };
  }

  async function round(): Promise<void> {
    base.push(await span(() => setTimeout(quietMs)));
    const under = await span(async () => {
      const outcome = await crew.attack(group, name, { victim, ms: attackedMs, isHonest: false });
      done = outcome.done ?? done;
      if (outcome.problem !== undefined) problems.add(outcome.problem);
      await setTimeout(AFTERMATH_MS);
    });
    attacked.push(under);
    attackedRss = Math.max(attackedRss, under.rss);
  }

  async function roundWithHonest(): Promise<void> {
    const order = { victim, ms: attackedMs, isHonest: true };
    const beside = await span(async () => {
      const { problem } = await crew.attack(group, name, order);
      if (problem !== undefined) problems.add(`its well-behaved counterpart: ${problem}`);
      await setTimeout(AFTERMATH_MS);
    });
    honest.push(beside);
    honestRss = Math.max(honestRss, beside.rss);
    await round();
  }

  await crew.prepare(group, name);
  if (base.length === 0) base.push(await span(() => setTimeout(FIRST_BASE_MS)));
  while (attacked.length < spanCount && target.isAlive) await round();
  const { verdict } = judgeLatency(base, attacked);
  // Judged once more and not after each round: then every attack would be found harmless some time.
  while (verdict !== "ok" && attacked.length < mostSpanCount && target.isAlive) {
    if (verdict === "not judged" && patience.leftMs <= 0) break;
    const startedAt = performance.now();
    await (attack.honest ? roundWithHonest() : round());
    if (verdict === "not judged") patience.leftMs -= performance.now() - startedAt;
  }
  const rssBytes = Math.max(0, attackedRss - baseRss);
  const allowed = Math.min(
    MAX_RSS_BYTES * connectionCount,
    Math.max(MAX_TOTAL_RSS_BYTES, MAX_HONEST_RSS_FACTOR * (honestRss - baseRss)),
  );
  if (rssBytes > allowed) problems.add(`${mib(rssBytes)} MiB above base, ${mib(allowed)} allowed`);
  const latency = judgeLatency(base, attacked, honest);
  if (latency.verdict === "slow") problems.add("the innocents' p99 more than doubled");
  if (failureCount > 0) problems.add(`${failureCount} innocent calls failed`);
  if (!target.isAlive) problems.add(`the process is dead, ${target.death}`);
  inspect(attack, target.output(), problems);
  const isAlive = target.isAlive;
  return { name, done, rssBytes, latency, isAlive, problems: [...problems] };
}

function inspect(attack: Attack, output: string, problems: Set<string>): void {
  try {
    attack.inspect?.(output);
  } catch (error) {
    problems.add(error instanceof Error ? error.message : String(error));
  }
}

export function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}
