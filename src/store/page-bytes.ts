/** How much a store answers at once, in bytes: payloads are large, and counts alone bound nothing. */

/**
 * Of one answer, as stored and approximately; more only when a single item is larger. Half of what
 * clients of gRPC receive by default, so that a page of tasks gets through with an item on top.
 */
export const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** What is left of a page. */
export interface PageRoom {
  /** Whether the next item still belongs to the page, which it then fills; the first one always does. */
  take(bytes: number): boolean;
}

export function pageRoom(): PageRoom {
  let isEmpty = true;
  let usedBytes = 0;
  return {
    take(bytes) {
      if (!isEmpty && usedBytes + bytes > MAX_PAGE_BYTES) return false;
      isEmpty = false;
      usedBytes += bytes;
      return true;
    },
  };
}

const MAX_DEPTH = 64;
/** A number, an enum, the tag and length of a field. */
const SMALL_BYTES = 4;

/** About what a message takes on the wire, without encoding it. */
export function messageBytes(value: unknown, depth = 0): number {
  if (typeof value === "string") return SMALL_BYTES + Buffer.byteLength(value);
  if (value instanceof Uint8Array) return SMALL_BYTES + value.length;
  if (value === null || typeof value !== "object" || depth > MAX_DEPTH) return SMALL_BYTES;
  let bytes = SMALL_BYTES;
  for (const item of Object.values(value)) bytes += messageBytes(item, depth + 1);
  return bytes;
}
