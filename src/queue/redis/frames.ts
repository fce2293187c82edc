/** The bytes that cross between the functions and this process. */
import { AgentlaneError } from "../../errors.ts";

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

/**
 * As lua/queue-state.lua and src/redis/lua/doorbells.lua pack them: kind, id with its length, payload with
 * its length. Whoever reaches Redis can publish what he likes: bytes that are no frames are told and left.
 */
export function framesOf(
  bytes: Buffer,
  onUnreadable: (error: AgentlaneError) => void,
): readonly Frame[] {
  const frames = read(bytes);
  if (frames) return frames;
  onUnreadable(new AgentlaneError("invalid_argument", "NO_FRAMES", "what came is no delivery"));
  return [];
}

function read(bytes: Buffer): Frame[] | undefined {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const idAt = at + 2;
    if (idAt > bytes.length) return undefined;
    const kind = bytes.readUInt8(at);
    const lengthAt = idAt + bytes.readUInt8(at + 1);
    const payloadAt = lengthAt + 4;
    if (payloadAt > bytes.length) return undefined;
    const endAt = payloadAt + bytes.readUInt32BE(lengthAt);
    if (endAt > bytes.length) return undefined;
    const id = bytes.toString("latin1", idAt, lengthAt);
    const payload = bytes.subarray(payloadAt, endAt);
    frames.push({ id, redelivered: kind === REDELIVERED, isClaimed: kind === CLAIMED, payload });
    at = endAt;
  }
  return frames;
}
