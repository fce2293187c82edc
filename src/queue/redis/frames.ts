/** The bytes that cross between the functions and this process. */

export interface Frame {
  readonly id: string;
  readonly redelivered: boolean;
  /** A QueueMessage, if it is one. */
  readonly payload: Uint8Array;
}

/** Frames as lua/queue-state.lua packs them: flag, id with its length, payload with its length. */
export function* framesOf(bytes: Buffer): Generator<Frame, void> {
  let at = 0;
  while (at < bytes.length) {
    const redelivered = bytes.readUInt8(at) === 1;
    const idAt = at + 2;
    const lengthAt = idAt + bytes.readUInt8(at + 1);
    const payloadAt = lengthAt + 4;
    const endAt = payloadAt + bytes.readUInt32BE(lengthAt);
    const id = bytes.toString("latin1", idAt, lengthAt);
    yield { id, redelivered, payload: bytes.subarray(payloadAt, endAt) };
    at = endAt;
  }
}
