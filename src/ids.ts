import { randomFillSync } from "node:crypto";
import type { Clock } from "./clock.ts";

/** Makes unique ids. Injected, so that tests are deterministic. */
export type NewId = () => string;

const POOL_BYTES = 4096;

/**
 * UUID version 7 (RFC 9562, section 5.7): sortable by time, so that stores can index ids cheaply.
 * Random bytes come from a pool: one system call serves 400 ids.
 */
export function uuidV7(clock: Clock): NewId {
  const pool = Buffer.alloc(POOL_BYTES);
  let offset = POOL_BYTES;
  return () => {
    if (offset + 10 > POOL_BYTES) {
      randomFillSync(pool);
      offset = 0;
    }
    const time = clock.now().toString(16).padStart(12, "0");
    const tail = pool.subarray(offset, offset + 10);
    offset += 10;
    tail[0] = 0x70 | ((tail[0] ?? 0) & 0x0f);
    tail[2] = 0x80 | ((tail[2] ?? 0) & 0x3f);
    const hex = tail.toString("hex");
    return `${time.slice(0, 8)}-${time.slice(8)}-${hex.slice(0, 4)}-${hex.slice(4, 8)}-${hex.slice(8)}`;
  };
}
