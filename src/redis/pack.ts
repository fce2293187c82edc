/**
 * Texts and bytes as one MessagePack array, for Lua's cmsgpack
 * (https://github.com/msgpack/msgpack/blob/master/spec.md): an argument of a call costs driver and server
 * more than a part of one.
 */

/** A tag and a length of four bytes. */
const MAX_HEAD_BYTES = 5;

/** Numbers as texts: that is what a function gets as an argument. */
export function packTexts(values: readonly (string | number | Buffer)[]): Buffer {
  const parts = values.map((value) => (typeof value === "number" ? `${value}` : value));
  let size = MAX_HEAD_BYTES;
  for (const part of parts) size += MAX_HEAD_BYTES + Buffer.byteLength(part);
  const packed = Buffer.allocUnsafe(size);
  let at = packed.writeUInt8(0xdd, 0);
  at = packed.writeUInt32BE(parts.length, at);
  for (const part of parts) {
    const length = Buffer.byteLength(part);
    at = writeHead(packed, at, length);
    at += typeof part === "string" ? packed.write(part, at) : part.copy(packed, at);
  }
  return packed.subarray(0, at);
}

function writeHead(packed: Buffer, at: number, length: number): number {
  if (length < 0x20) return packed.writeUInt8(0xa0 + length, at);
  if (length < 0x1_00) return packed.writeUInt8(length, packed.writeUInt8(0xd9, at));
  if (length < 0x1_00_00) return packed.writeUInt16BE(length, packed.writeUInt8(0xda, at));
  return packed.writeUInt32BE(length, packed.writeUInt8(0xdb, at));
}
