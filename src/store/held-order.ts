/** In which order held tasks of a tenant ring. Redis and PostgreSQL say the same in their languages. */

/** A held task gains a level per interval, as a waiting message does in a queue. */
export const HELD_AGEING_MS = 15_000;

/** Levels, the highest first. */
export const HELD_LEVELS: readonly number[] = [4, 3, 2, 1];
/** Of a priority that is none. */
const DEFAULT_LEVEL = 2;

/** A task's place in HELD_LEVELS. */
export function levelIndex(priority: number): number {
  const index = HELD_LEVELS.indexOf(priority);
  return index === -1 ? HELD_LEVELS.indexOf(DEFAULT_LEVEL) : index;
}

/** The task that is held longest of a level. */
export interface HeldHead<T> {
  readonly level: number;
  readonly sinceMs: number;
  readonly task: T;
}

/**
 * The next to ring: the head of the highest level, in turn with the longest held of those that have
 * risen to it. `isRisensTurn` is kept by the caller, who takes it from the answer.
 */
export function nextHeld<T>(
  heads: readonly HeldHead<T>[],
  nowMs: number,
  isRisensTurn: boolean,
): { head: HeldHead<T>; isRisensTurn: boolean } | undefined {
  const [top] = heads;
  if (!top) return undefined;
  let risen: HeldHead<T> | undefined;
  for (const head of heads) {
    const level = head.level + Math.floor((nowMs - head.sinceMs) / HELD_AGEING_MS);
    if (head === top || level < top.level) continue;
    if (!risen || head.sinceMs < risen.sinceMs) risen = head;
  }
  if (!risen) return { head: top, isRisensTurn };
  return { head: isRisensTurn ? risen : top, isRisensTurn: !isRisensTurn };
}

/** Doorbells that may ring now. */
export function freePlaces(
  limits: { readonly window: number; readonly maxRunningTasks?: number | undefined },
  rungCount: number,
  runningCount: number,
): number {
  const { window, maxRunningTasks = Number.POSITIVE_INFINITY } = limits;
  return Math.min(window, maxRunningTasks - runningCount) - rungCount;
}
