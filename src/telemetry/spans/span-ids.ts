/** Ids of traces and spans, out of random bytes that are fetched many at a time. */
import type { IdGenerator } from "@opentelemetry/sdk-trace";

const POOL_BYTES = 4096;
const TRACE_BYTES = 16;
const SPAN_BYTES = 8;

/** `fill` fills a buffer with random bytes. */
export function createSpanIds(fill: (bytes: Buffer) => void): IdGenerator {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
  let at = POOL_BYTES;

  function next(size: number): string {
    if (at + size > POOL_BYTES) {
      fill(pool);
      at = 0;
    }
    at += size;
    const id = pool.toString("hex", at - size, at);
    // All zeros are no id.
    return /[^0]/.test(id) ? id : next(size);
  }

  return { generateTraceId: () => next(TRACE_BYTES), generateSpanId: () => next(SPAN_BYTES) };
}
