/** The bytes that cross between the functions and this process. */

const REDELIVERED = 1;
const CLAIMED = 2;

export interface Frame {
  readonly id: string;
  readonly redelivered: boolean;
  /** The payload is what src/redis/handed-claims.ts reads. */
  readonly isClaimed: boolean;
  /** A QueueMessage, if it is one. */
  readonly payload: Buffer;
}

/** As lua/queue-state.lua and src/redis/lua/doorbells.lua pack them: kind, id with its length, payload with its length. */
export function* framesOf(bytes: Buffer): Generator<Frame, void> {
  let at = 0;
  while (at < bytes.length) {
    const kind = bytes.readUInt8(at);
    const idAt = at + 2;
    const lengthAt = idAt + bytes.readUInt8(at + 1);
    const payloadAt = lengthAt + 4;
    const endAt = payloadAt + bytes.readUInt32BE(lengthAt);
    const id = bytes.toString("latin1", idAt, lengthAt);
    const payload = bytes.subarray(payloadAt, endAt);
    yield { id, redelivered: kind === REDELIVERED, isClaimed: kind === CLAIMED, payload };
    at = endAt;
  }
}
