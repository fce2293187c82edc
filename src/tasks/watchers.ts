/** All open watches of this process: counted, bounded, ended by their caller's signal. */
import { AgentlaneError, isKind } from "../errors.ts";
import type { TaskRef } from "../store/contract.ts";
import type { WatchedBatch } from "./task-manager.ts";
import { openWatch, WATCH_ENDED, type Watch, type WatchParts, watchEnded } from "./watch.ts";

export interface WatchRequest {
  readonly ref: TaskRef;
  /** The last sequence already seen; 0 = from the first. */
  readonly afterSequence: number;
  /** The task does not exist yet. */
  readonly fresh: boolean;
  /** Its abort closes the watch, whether or not anybody is reading. */
  readonly signal: AbortSignal;
}

export interface Watchers {
  /** `resource_exhausted` (TOO_MANY_WATCHERS) at the limit. */
  open(request: WatchRequest): Promise<Watch>;
  /** Opens with the first read. */
  lazy(request: WatchRequest): AsyncIterable<WatchedBatch>;
  /** Resolves when the task is terminal, or after `timeoutMs`. */
  untilEnd(ref: TaskRef, afterSequence: number, timeoutMs: number): Promise<void>;
  count(): number;
  /** Buffered for all of them, approximately. */
  bytes(): number;
  /** Their readers get `unavailable` (WATCH_ENDED). */
  closeAll(): void;
}

export function createWatchers(parts: WatchParts, maxCount: number): Watchers {
  /** The open watches and their tasks' ids. */
  const watches = new Map<Watch, string>();
  let closedAllCount = 0;
  let count = 0;

  async function open(request: WatchRequest): Promise<Watch> {
    if (count >= maxCount) throw tooMany(maxCount);
    return add(request);
  }

  async function add(request: WatchRequest): Promise<Watch> {
    count++;
    const { signal } = request;
    const { taskId } = request.ref;
    const closedAllBefore = closedAllCount;
    let watch: Watch | undefined;
    const onAbort = (): void => watch?.close();
    const onClose = (): void => {
      count--;
      signal.removeEventListener("abort", onAbort);
      if (watch) watches.delete(watch);
    };
    watch = await openWatch(parts, { ...request, onClose });
    watches.set(watch, taskId);
    if (signal.aborted) watch.close();
    else if (closedAllCount > closedAllBefore) watch.close(watchEnded(taskId));
    else signal.addEventListener("abort", onAbort, { once: true });
    return watch;
  }

  function lazy(request: WatchRequest): AsyncIterable<WatchedBatch> {
    let opened: Promise<Watch> | undefined;
    return {
      [Symbol.asyncIterator]: () => ({
        async next() {
          opened ??= open(request);
          return (await opened).next();
        },
        async return() {
          (await opened)?.close();
          return { done: true, value: undefined };
        },
      }),
    };
  }

  return {
    open,
    lazy,
    async untilEnd(ref, afterSequence, timeoutMs) {
      const timeout = new AbortController();
      const timer = parts.clock.setTimer(timeoutMs, () => timeout.abort());
      try {
        // Beyond the limit too: it is short, and a cancel must work when there are many watches.
        const watch = await add({ ref, afterSequence, fresh: false, signal: timeout.signal });
        for await (const _ of { [Symbol.asyncIterator]: () => watch });
      } catch (error) {
        // This process stops, and waits no more for what is looked up afterwards anyway.
        if (!isKind(error, "unavailable") || error.reason !== WATCH_ENDED) throw error;
      } finally {
        timer.clear();
      }
    },
    count: () => count,
    bytes() {
      let bytes = 0;
      for (const watch of watches.keys()) bytes += watch.bufferedBytes;
      return bytes;
    },
    closeAll: () => {
      closedAllCount++;
      for (const [watch, taskId] of [...watches]) watch.close(watchEnded(taskId));
    },
  };
}

function tooMany(maxCount: number): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "TOO_MANY_WATCHERS",
    `this process already has ${maxCount} open watches (MAX_WATCHERS)`,
    { retryAfterMs: 1000 },
  );
}
