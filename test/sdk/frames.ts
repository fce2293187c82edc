/** HTTP/2 frames on their way through a proxy: RFC 9113, section 4. */

export const PREFACE = Buffer.from("PRI * HTTP/2.0");
const HEADER_BYTES = 9;
const RST_STREAM = 3;
const GOAWAY = 7;

export interface Frame {
  readonly bytes: Buffer;
  readonly isData: boolean;
  readonly streamId: number;
}

/** Cuts what arrives into whole frames. */
export function createFrames(): (chunk: Buffer) => Frame[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const frames: Frame[] = [];
    while (rest.length >= HEADER_BYTES) {
      const byteLength = HEADER_BYTES + rest.readUIntBE(0, 3);
      if (rest.length < byteLength) break;
      const bytes = rest.subarray(0, byteLength);
      frames.push({ bytes, isData: bytes[3] === 0, streamId: bytes.readUInt32BE(5) & 0x7fffffff });
      rest = rest.subarray(byteLength);
    }
    return frames;
  };
}

/** The server takes no new calls on this connection; those up to the stream go on. */
export function goaway(lastStreamId: number, errorCode: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStreamId, 0);
  payload.writeUInt32BE(errorCode, 4);
  return frame(GOAWAY, 0, payload);
}

export function resetStream(streamId: number, errorCode: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(errorCode, 0);
  return frame(RST_STREAM, streamId, payload);
}

function frame(type: number, streamId: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}
