/** When what innocent clients notice is a finding, and when it cannot be told. */

/** A span in which innocent clients called, with or without an attack. */
export interface Span {
  readonly isAttacked: boolean;
  readonly p99Ms: number;
  readonly callCount: number;
  /** The part of the machine, 0 to 1, that was busy with something else. */
  readonly othersShare: number;
}

export interface Latency {
  readonly verdict: "ok" | "slow" | "not judged";
  /** The medians of the spans that count; of all spans where none do. */
  readonly baseP99Ms: number;
  readonly attackedP99Ms: number;
}

/** The innocents' p99 may double … */
export const MAX_FACTOR = 2;
/** … and is no harm below this. */
export const FLOOR_MS = 25;
/** A span with more of the machine busy with something else says nothing of the server. */
export const MAX_OTHERS_SHARE = 0.15;
/** A span with fewer calls has no p99. */
export const MIN_CALLS = 40;
/** Spans of each kind that have to count. */
export const MIN_SPANS = 2;

export function counts({ othersShare, callCount, isAttacked }: Span): boolean {
  // Few calls while attacked are what an attack that works looks like.
  return othersShare <= MAX_OTHERS_SHARE && (isAttacked || callCount >= MIN_CALLS);
}

/** Whether `spans` are enough to judge by. */
export function suffices(spans: readonly Span[], wanted: number): boolean {
  const counting = spans.filter(counts);
  const attackedCount = counting.filter(({ isAttacked }) => isAttacked).length;
  return Math.min(attackedCount, counting.length - attackedCount) >= wanted;
}

/**
 * Compares medians: a span with a pause of its own in it, of the collector or of the machine, is one of
 * several. An attack that hurts does so in most of its spans.
 */
export function judgeLatency(spans: readonly Span[]): Latency {
  const isJudged = suffices(spans, MIN_SPANS);
  const used = isJudged ? spans.filter(counts) : spans;
  const baseP99Ms = median(used.filter(({ isAttacked }) => !isAttacked));
  const attackedP99Ms = median(used.filter(({ isAttacked }) => isAttacked));
  const isSlow = attackedP99Ms > Math.max(FLOOR_MS, MAX_FACTOR * baseP99Ms);
  return {
    verdict: isJudged ? (isSlow ? "slow" : "ok") : "not judged",
    baseP99Ms,
    attackedP99Ms,
  };
}

function median(spans: readonly Span[]): number {
  const sorted = spans.map(({ p99Ms }) => p99Ms).sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[sorted.length % 2 ? middle : middle - 1], sorted[middle]];
  return (low + high) / 2;
}
