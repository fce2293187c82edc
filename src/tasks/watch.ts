/**
 * Watching a task's log. The bus pushes stored entries; the store fills every gap. Two modes:
 * live — entries come from the bus, in order, into a bounded buffer; catching up — the watch starts
 * late, a notice was lost, entries were too large for one or the buffer overflowed: they are read from the store, page by page,
 * at the reader's own pace. So a slow reader costs at most the buffer, loses nothing, and gets
 * adjacent text deltas merged until it has caught up.
 */
import type { Notice } from "../../gen/agentlane/store/v1/record_pb.js";
import type { Clock, Timer } from "../clock.ts";
import { AgentlaneError, isKind } from "../errors.ts";
import { type EventBus, type Subscription, taskTopic } from "../queue/contract.ts";
import type { TaskLog, TaskRef } from "../store/contract.ts";
import { approximateBytes, isTerminalEvent, mergeDeltas, toWatched } from "./log-entries.ts";
import type { WatchedBatch, WatchedEntry } from "./task-manager.ts";

/** Buffered entries of one watcher, in approximate bytes. */
const MAX_BUFFER_BYTES = 1024 * 1024;
/** Of a batch, in approximate bytes; more only when a single entry is larger. */
const MAX_BATCH_BYTES = 128 * 1024;
/** A watcher that hears nothing for this long asks the store. */
export const SILENCE_MS = 1000;
/** Entries; a page may be shorter, because the store bounds its bytes. */
const PAGE_SIZE = 256;

export interface WatchParts {
  readonly log: TaskLog;
  readonly bus: EventBus;
  readonly clock: Clock;
}

export interface WatchOptions {
  readonly ref: TaskRef;
  readonly afterSequence: number;
  /** The task does not exist yet: wait for its first notice instead of reading at once. */
  readonly fresh: boolean;
  readonly onClose: () => void;
}

/** An open watch. Whoever opens it closes it, also when nobody reads any more. */
export interface Watch extends AsyncIterator<WatchedBatch, undefined> {
  /** Idempotent. A pending next() ends, or throws the reason where there is one. */
  close(reason?: AgentlaneError): void;
  /** Calls back once, when it is closed or at once when it is. One callback a watch. */
  whenClosed(callback: () => void): void;
  /** Whether the terminal event has been handed out. */
  readonly ended: boolean;
  /** Approximately. */
  readonly bufferedBytes: number;
}

/**
 * Subscribes before it resolves, so that nothing published from then on is missed. While the bus is
 * away it opens without, reads the log on silence, and subscribes once the bus is back.
 */
export async function openWatch(parts: WatchParts, options: WatchOptions): Promise<Watch> {
  const watch = new TaskWatch(parts, options);
  try {
    await watch.open();
  } catch (error) {
    watch.close();
    throw error;
  }
  return watch;
}

class TaskWatch implements Watch {
  readonly #parts: WatchParts;
  readonly #options: WatchOptions;
  #subscription: Subscription | undefined;
  #isSubscribing = false;
  #buffer: WatchedEntry[] = [];
  #bufferBytes = 0;
  /** Last sequence handed to the reader. */
  #delivered: number;
  /** Last sequence in the buffer; #delivered when it is empty. */
  #tail: number;
  /** Highest sequence heard of; above #tail there is a gap to read from the store. */
  #heard: number;
  #mustRead: boolean;
  #merging = false;
  #ended = false;
  #closed = false;
  #closedBecause: AgentlaneError | undefined;
  #whenClosed: (() => void) | undefined;
  #wake: (() => void) | undefined;

  constructor(parts: WatchParts, options: WatchOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#delivered = options.afterSequence;
    this.#tail = options.afterSequence;
    this.#heard = options.afterSequence;
    this.#mustRead = !options.fresh;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get bufferedBytes(): number {
    return this.#bufferBytes;
  }

  async open(): Promise<void> {
    try {
      await this.#subscribe();
    } catch (error) {
      if (!isKind(error, "unavailable")) throw error;
      this.#mustRead = true;
    }
  }

  async #subscribe(): Promise<void> {
    const { tenant, taskId } = this.#options.ref;
    const topic = taskTopic(tenant, taskId);
    this.#isSubscribing = true;
    try {
      const subscription = await this.#parts.bus.subscribe(topic, (notice) => this.#hear(notice));
      if (this.#closed) subscription.close();
      else this.#subscription = subscription;
    } finally {
      this.#isSubscribing = false;
    }
  }

  /** What comes before it is there is found by the next notice, or on the next silence. */
  #subscribeAgain(): void {
    if (!this.#subscription && !this.#isSubscribing) this.#subscribe().catch(() => undefined);
  }

  async next(): Promise<IteratorResult<WatchedBatch, undefined>> {
    try {
      while (!this.#ended && !this.#closed) {
        const batch = this.#takeBatch();
        if (batch) return { done: false, value: batch };
        if (this.#mustRead || this.#heard > this.#tail) await this.#readPage();
        else this.#mustRead = await this.#silence();
      }
    } catch (error) {
      // `for await` does not call return() after an error.
      this.close();
      throw error;
    }
    this.close();
    if (this.#closedBecause) throw this.#closedBecause;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<WatchedBatch, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  close(reason?: AgentlaneError): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#ended) this.#closedBecause = reason;
    this.#subscription?.close();
    this.#dropBuffer();
    this.#wake?.();
    this.#options.onClose();
    this.#whenClosed?.();
  }

  whenClosed(callback: () => void): void {
    if (this.#closed) callback();
    else this.#whenClosed = callback;
  }

  #hear(notice: Notice): void {
    if (notice.kind.case !== "entries") return;
    const { entries, lastSequence } = notice.kind.value;
    this.#heard = Math.max(this.#heard, lastSequence);
    for (const entry of entries) {
      this.#heard = Math.max(this.#heard, entry.sequence);
      if (entry.sequence === this.#tail + 1) this.#push(toWatched(entry));
    }
    this.#wake?.();
  }

  #push(entry: WatchedEntry): void {
    const bytes = approximateBytes(entry.event);
    if (this.#buffer.length > 0 && this.#bufferBytes + bytes > MAX_BUFFER_BYTES) {
      this.#dropBuffer();
      this.#merging = true;
      return;
    }
    this.#buffer.push(entry);
    this.#bufferBytes += bytes;
    this.#tail = entry.sequence;
  }

  #dropBuffer(): void {
    this.#buffer = [];
    this.#bufferBytes = 0;
    this.#tail = this.#delivered;
  }

  #takeBatch(): WatchedBatch | undefined {
    let bytes = 0;
    let count = 0;
    for (const { event } of this.#buffer) {
      if (bytes >= MAX_BATCH_BYTES) break;
      bytes += approximateBytes(event);
      count += 1;
    }
    const batch = this.#buffer.splice(0, count);
    const last = batch.at(-1);
    if (!last) return undefined;
    this.#bufferBytes -= bytes;
    this.#delivered = last.sequence;
    // A failure that has entries after it was redriven.
    if (isTerminalEvent(last.event) && last.sequence >= this.#heard) this.#ended = true;
    return batch;
  }

  /** What the bus brought while the store was read is part of the page, or of the next one. */
  async #readPage(): Promise<void> {
    const { ref } = this.#options;
    const after = this.#delivered;
    const page = await this.#parts.log.read(ref, after, PAGE_SIZE).catch((error: unknown) => {
      throw isKind(error, "unavailable") ? watchBroken(ref.taskId, error) : error;
    });
    if (this.#closed) return;
    if (after + 1 < page.firstSequence) throw logDropped(ref, after, page.firstSequence);
    if (after > page.lastSequence) throw beyondEnd(ref, after, page.lastSequence);
    this.#mustRead = false;
    this.#heard = Math.max(this.#heard, page.lastSequence);
    this.#dropBuffer();
    const entries = page.entries.map(toWatched);
    for (const entry of this.#merging ? mergeDeltas(entries) : entries) {
      this.#buffer.push(entry);
      this.#bufferBytes += approximateBytes(entry.event);
      this.#tail = entry.sequence;
    }
    if (this.#tail >= this.#heard) this.#merging = false;
    if (this.#buffer.length === 0 && page.terminal) this.#ended = true;
  }

  /** True after a second without a notice, false when woken. */
  #silence(): Promise<boolean> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const done = (silent: boolean): void => {
        timer?.clear();
        this.#wake = undefined;
        resolve(silent);
      };
      timer = this.#parts.clock.setTimer(SILENCE_MS, () => {
        this.#subscribeAgain();
        done(true);
      });
      this.#wake = () => done(false);
    });
  }
}

function logDropped(ref: TaskRef, after: number, firstSequence: number): AgentlaneError {
  return new AgentlaneError(
    "out_of_range",
    "LOG_PAST_RETENTION",
    `the log of task ${ref.taskId} is kept from sequence ${firstSequence} on; it cannot be resumed after ${after}`,
    { metadata: { task_id: ref.taskId, first_sequence: String(firstSequence) } },
  );
}

function beyondEnd(ref: TaskRef, after: number, lastSequence: number): AgentlaneError {
  return new AgentlaneError(
    "out_of_range",
    "SEQUENCE_BEYOND_END",
    `after_sequence ${after} is beyond the log's last sequence, ${lastSequence}`,
    { metadata: { task_id: ref.taskId, last_sequence: String(lastSequence) } },
  );
}

export const WATCH_BROKEN = "WATCH_BROKEN";

/** The store is away: what has been accepted goes on, and the caller must know what that is. */
function watchBroken(taskId: string, cause: AgentlaneError): AgentlaneError {
  const message = `the log of task ${taskId} cannot be read now, and the task may go on: continue with WatchTask. ${cause.message}`;
  return new AgentlaneError("unavailable", WATCH_BROKEN, message, {
    metadata: { task_id: taskId },
    cause,
    ...(cause.retryAfterMs !== undefined && { retryAfterMs: cause.retryAfterMs }),
  });
}

export const WATCH_ENDED = "WATCH_ENDED";

/** The process stops before the task does: the task goes on, and WatchTask finds it. */
export function watchEnded(taskId: string): AgentlaneError {
  const message = `the watch of task ${taskId} ended before the task did: go on with WatchTask`;
  return new AgentlaneError("unavailable", WATCH_ENDED, message, {
    metadata: { task_id: taskId },
  });
}
