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
  readonly verdict: "ok" | "slow" | "not judged";
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

/** `base`: the spans without an attack. All calls of a kind are taken together. */
export function judgeLatency(base: readonly Span[], attacked: readonly Span[]): Latency {
  const quietBase = base.filter(isQuiet);
  const quietAttacked = attacked.filter(isQuiet);
  const hasBase = callCount(quietBase) >= MIN_CALLS;
  const baseP99Ms = p99(hasBase ? quietBase : base);
  const allowedMs = hasBase ? Math.max(FLOOR_MS, MAX_FACTOR * baseP99Ms) : FLOOR_MS;
  const isOk = (spans: readonly Span[]): boolean =>
    callCount(spans) >= MIN_CALLS && p99(spans) <= allowedMs;
  if (isOk(attacked)) return { verdict: "ok", baseP99Ms, attackedP99Ms: p99(attacked) };
  if (!hasBase || callCount(quietAttacked) < MIN_CALLS) {
    return { verdict: "not judged", baseP99Ms, attackedP99Ms: p99(attacked) };
  }
  const verdict = isOk(quietAttacked) ? "ok" : "slow";
  return { verdict, baseP99Ms, attackedP99Ms: p99(quietAttacked) };
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
