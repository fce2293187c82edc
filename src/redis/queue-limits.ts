/** What the queue on Redis keeps to, whichever adapter rings. */

/** A waiting message gains one priority level per interval. */
export const AGEING_MS = 15_000;

/** Waiting messages of a queue. Far above any MAX_QUEUE_SIZE: doorbells may double, tasks may not. */
export const MAX_LENGTH = 100_000;
