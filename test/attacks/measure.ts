/** One attack against a server: spans without and with it alternate, and each is measured. */
import type { Attack } from "./attack.ts";
import { judgeLatency, type Latency, type Span, suffices } from "./judgement.ts";
import { watchMachine } from "./machine.ts";
import type { Target } from "./target.ts";

const MIB = 1024 * 1024;
/** Of an attacking connection, above what the server takes without it. */
const MAX_RSS_BYTES = 64 * MIB;
/** Of all attacking connections together. */
const MAX_TOTAL_RSS_BYTES = 256 * MIB;

export interface Measure {
  readonly quietMs: number;
  readonly attackedMs: number;
  /** Spans of each kind that have to count … */
  readonly spanCount: number;
  /** … or this many are tried: the machine is busy with something else. */
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

export async function measure(
  target: Target,
  group: string,
  attack: Attack,
  from: string,
  { quietMs, attackedMs, spanCount, mostSpanCount }: Measure,
): Promise<Row> {
  const spans: Span[] = [];
  const problems = new Set<string>();
  let done = "";
  let failureCount = 0;
  let baseRss = 0;
  let attackedRss = 0;
  await target.prepare(group, attack.name);
  for (let count = 0; count < mostSpanCount && target.isAlive; count++) {
    if (suffices(spans, spanCount)) break;
    const idle = target.watchMemory();
    spans.push(await span(false, () => target.measure(quietMs)));
    // Of the first: what an attack has left behind is no base.
    const idleRss = idle.stop();
    if (count === 0) baseRss = idleRss;
    const memory = target.watchMemory();
    const attacked = await span(true, async () => {
      const [figures, outcome] = await Promise.all([
        target.measure(attackedMs),
        target.attack(group, attack.name, from, attackedMs),
      ]);
      failureCount += figures.failureCount;
      done = outcome.done ?? done;
      if (outcome.problem !== undefined) problems.add(outcome.problem);
      return figures;
    });
    spans.push(attacked);
    attackedRss = Math.max(attackedRss, memory.stop());
  }
  const rssBytes = Math.max(0, attackedRss - baseRss);
  const allowed = Math.min(MAX_RSS_BYTES * attack.connectionCount, MAX_TOTAL_RSS_BYTES);
  if (rssBytes > allowed) problems.add(`${mib(rssBytes)} MiB above base, ${mib(allowed)} allowed`);
  const latency = judgeLatency(spans);
  if (latency.verdict === "slow") problems.add("the innocents' p99 more than doubled");
  if (failureCount > 0) problems.add(`${failureCount} innocent calls failed`);
  if (!target.isAlive) problems.add("the process is dead");
  inspect(attack, target.output(), problems);
  const { name } = attack;
  const isAlive = target.isAlive;
  return { name, done, rssBytes, latency, isAlive, problems: [...problems] };
}

async function span(
  isAttacked: boolean,
  act: () => Promise<{ p99Ms: number; callCount: number }>,
): Promise<Span> {
  const machine = watchMachine();
  const { p99Ms, callCount } = await act();
  return { isAttacked, p99Ms, callCount, othersShare: machine.othersShare() };
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
