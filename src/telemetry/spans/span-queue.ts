/** Takes ended spans to the collector: in batches, one at a time, within limits. */
import type { Clock, Timer } from "../../clock.ts";
import type { RecordedSpan } from "./recorded-span.ts";
import { SpanBatch } from "./span-batch.ts";

/** A batch that is larger goes off with fewer spans: collectors refuse large requests. */
const MAX_BATCH_BYTES = 1024 * 1024;
/** Of all waiting spans. With contents in them 2048 spans could be far more. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

export interface SpanQueueParts {
  readonly clock: Clock;
  readonly scheduleDelayMs: number;
  /** Ended spans kept for export; more are dropped. */
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
  readonly send: (batch: SpanBatch) => Promise<void>;
  readonly onFailure: (spanCount: number, error: unknown) => void;
  /** Called when there is room again. */
  readonly onDropped: (spanCount: number) => void;
}

export interface SpanQueue {
  add(span: RecordedSpan): void;
  /** Sends all that waits; nothing is taken after it. */
  close(): Promise<void>;
}

export function createSpanQueue(parts: SpanQueueParts): SpanQueue {
  const maxBatchSize = Math.min(parts.maxExportBatchSize, parts.maxQueueSize);
  const full: SpanBatch[] = [];
  let open = new SpanBatch();
  let waitingCount = 0;
  let waitingBytes = 0;
  let droppedCount = 0;
  let closed = false;
  let timer: Timer | undefined;
  let sending: Promise<void> | undefined;

  /** The open batch goes off as it is. */
  function seal(): void {
    timer?.clear();
    timer = undefined;
    if (open.spanCount === 0) return;
    full.push(open);
    open = new SpanBatch();
    sending ??= sendAll();
  }

  async function sendAll(): Promise<void> {
    for (let batch = full.shift(); batch; batch = full.shift()) {
      waitingCount -= batch.spanCount;
      waitingBytes -= batch.byteCount;
      const { spanCount } = batch;
      await parts.send(batch).catch((error: unknown) => parts.onFailure(spanCount, error));
    }
    sending = undefined;
  }

  return {
    add(span) {
      if (closed) return;
      if (waitingCount >= parts.maxQueueSize || waitingBytes >= MAX_WAITING_BYTES) {
        droppedCount++;
        return;
      }
      if (droppedCount > 0) parts.onDropped(droppedCount);
      droppedCount = 0;
      const before = open.byteCount;
      open.add(span);
      waitingCount++;
      waitingBytes += open.byteCount - before;
      if (open.spanCount >= maxBatchSize || open.byteCount >= MAX_BATCH_BYTES) seal();
      else timer ??= parts.clock.setTimer(parts.scheduleDelayMs, seal);
    },
    async close() {
      closed = true;
      seal();
      await sending;
      if (droppedCount > 0) parts.onDropped(droppedCount);
      droppedCount = 0;
    },
  };
}
