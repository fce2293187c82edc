/**
 * When what innocent clients notice is a finding, and when it cannot be told. Whatever else the machine
 * does can only make their calls slower. So it hides nothing in spans with an attack, which are fast in
 * spite of it or show nothing, and everything in those without, which are what is compared with.
 */

/** A span in which innocent clients called. */
export interface Span {
  readonly latenciesMs: readonly number[];
  /** The part of the machine, 0 to 1, that was busy with something else. */
  readonly othersShare: number;
}

export interface Latency {
  /** "as honest": it more than doubles, and well-behaved clients with as much work do so too. */
  readonly verdict: "ok" | "as honest" | "slow" | "not judged";
  readonly baseP99Ms: number;
  readonly attackedP99Ms: number;
}

/** The innocents' p99 may double … */
export const MAX_FACTOR = 2;
/** … and is no harm below this. */
export const FLOOR_MS = 25;
/** A span with more of the machine busy with something else shows no harm, and is no base. */
export const MAX_OTHERS_SHARE = 0.15;
/** Fewer have no p99. */
export const MIN_CALLS = 100;

/** What an attack may add to its well-behaved counterpart: what two measurements of one thing differ by. */
export const MAX_HONEST_FACTOR = 1.25;

/**
 * `base`: the spans without an attack; `honest`: those with its well-behaved counterpart, where there are
 * any. All calls of a kind are taken together.
 */
export function judgeLatency(
  base: readonly Span[],
  attacked: readonly Span[],
  honest: readonly Span[] = [],
): Latency {
  const quietBase = base.filter(isQuiet);
  const quietAttacked = attacked.filter(isQuiet);
  const hasBase = callCount(quietBase) >= MIN_CALLS;
  const baseP99Ms = p99(hasBase ? quietBase : base);
  const allowedMs = hasBase ? Math.max(FLOOR_MS, MAX_FACTOR * baseP99Ms) : FLOOR_MS;
  if (callCount(attacked) >= MIN_CALLS && p99(attacked) <= allowedMs) {
    return { verdict: "ok", baseP99Ms, attackedP99Ms: p99(attacked) };
  }
  if (!hasBase || callCount(quietAttacked) < MIN_CALLS) {
    return { verdict: "not judged", baseP99Ms, attackedP99Ms: p99(attacked) };
  }
  const attackedP99Ms = p99(quietAttacked);
  if (attackedP99Ms <= allowedMs) return { verdict: "ok", baseP99Ms, attackedP99Ms };
  const quietHonest = honest.filter(isQuiet);
  const isAsHonest =
    callCount(quietHonest) >= MIN_CALLS && attackedP99Ms <= MAX_HONEST_FACTOR * p99(quietHonest);
  return { verdict: isAsHonest ? "as honest" : "slow", baseP99Ms, attackedP99Ms };
}

function isQuiet({ othersShare }: Span): boolean {
  return othersShare <= MAX_OTHERS_SHARE;
}

function callCount(spans: readonly Span[]): number {
  return spans.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0);
}

/** Of all calls together; zero of none. */
export function p99(spans: readonly Span[]): number {
  const sorted = spans.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
}
