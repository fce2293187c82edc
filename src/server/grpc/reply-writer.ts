/**
 * Writes replies to a stream, one write at a time: a batch goes out in one write, and what comes
 * while a write is under way in the next one. So packing follows load, and nothing waits for more.
 */
import type { Writable } from "node:stream";

export interface ReplyWriter {
  /** Collects it for the next flush. False: wait for `room` before the next one. */
  add(message: Uint8Array): boolean;
  /** Writes what is collected, now or when the write under way is done. */
  flush(): void;
  /** Resolves when there is room, or nobody to write to. */
  room(): Promise<void>;
  /** Writes what is left and ends the stream. */
  end(): void;
}

/** Collected while a write is under way; then the source of the replies has to wait. */
const MAX_COLLECTED_BYTES = 64 * 1024;

export function createReplyWriter(stream: Writable): ReplyWriter {
  let collected: Uint8Array[] = [];
  let collectedBytes = 0;
  let writing = false;
  let wake: (() => void) | undefined;

  const take = (): Buffer => {
    const chunk = Buffer.concat(collected, collectedBytes);
    collected = [];
    collectedBytes = 0;
    return chunk;
  };
  const flush = (): void => {
    if (writing || collectedBytes === 0 || stream.closed) return;
    writing = true;
    stream.write(take(), written);
  };
  const written = (): void => {
    writing = false;
    flush();
    wake?.();
  };
  stream.once("close", () => wake?.());

  return {
    add(message) {
      collected.push(envelopeHead(message.byteLength), message);
      collectedBytes += ENVELOPE_BYTES + message.byteLength;
      return collectedBytes < MAX_COLLECTED_BYTES;
    },
    flush,
    room() {
      flush();
      if (collectedBytes < MAX_COLLECTED_BYTES || stream.closed) return Promise.resolve();
      return new Promise((resolve) => {
        wake = resolve;
      });
    },
    end() {
      if (collectedBytes > 0) stream.end(take());
      else stream.end();
    },
  };
}

const ENVELOPE_BYTES = 5;

/** What stands before a message: no compression, its length. */
export function envelopeHead(byteLength: number): Uint8Array {
  const head = Buffer.allocUnsafe(ENVELOPE_BYTES);
  head[0] = 0;
  head.writeUInt32BE(byteLength, 1);
  return head;
}
