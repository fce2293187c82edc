/** Protobuf's wire format, appended to a buffer that grows. */

const MIN_BYTES = 4096;
/** Up to here a loop of our own is faster than a call into the encoder. */
const SHORT_TEXT = 48;

export class ByteWriter {
  #bytes = Buffer.allocUnsafeSlow(MIN_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written, without a copy: valid until the next write. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Field numbers up to 15 take one byte. */
  tag(field: number, wireType: 0 | 1 | 2 | 5): void {
    this.varint((field << 3) | wireType);
  }

  /** A whole number from -(2 ** 63) to 2 ** 63, exclusive; a negative one takes ten bytes. */
  varint(value: number): void {
    this.#reserve(10);
    const bytes = this.#bytes;
    if (value >= 0 && value < 128) {
      bytes[this.#length++] = value;
      return;
    }
    let low = value >>> 0;
    let high = Math.floor(value / 2 ** 32) >>> 0;
    while (high > 0 || low > 127) {
      bytes[this.#length++] = (low & 127) | 128;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    bytes[this.#length++] = low;
  }

  fixed32(value: number): void {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
  }

  fixed64(low: number, high: number): void {
    this.fixed32(low);
    this.fixed32(high);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** With its length in front, as are the next two. */
  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** Two digits a byte. */
  hex(digits: string): void {
    this.varint(digits.length >> 1);
    this.#reserve(digits.length >> 1);
    for (let at = 0; at < digits.length; at += 2) {
      const byte = (digit(digits.charCodeAt(at)) << 4) | digit(digits.charCodeAt(at + 1));
      this.#bytes[this.#length++] = byte;
    }
  }

  text(text: string): void {
    if (text.length > SHORT_TEXT || !this.#shortAscii(text)) this.bytes(Buffer.from(text));
  }

  /** Begins a message within this one: its length comes in front once it is closed. */
  open(): number {
    this.#reserve(1);
    return this.#length++;
  }

  /** A length of one byte, which nearly all have, has its place; a longer one moves the message. */
  close(openedAt: number): void {
    const size = this.#length - openedAt - 1;
    if (size < 128) {
      this.#bytes[openedAt] = size;
      return;
    }
    const extra = size < 2 ** 14 ? 1 : size < 2 ** 21 ? 2 : size < 2 ** 28 ? 3 : 4;
    this.#reserve(extra);
    this.#bytes.copyWithin(openedAt + 1 + extra, openedAt + 1, this.#length);
    this.#length = openedAt;
    this.varint(size);
    this.#length += size;
  }

  /** False = nothing is written: there are other characters in it. */
  #shortAscii(text: string): boolean {
    this.#reserve(1 + text.length);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = text.length;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 127) return false;
      bytes[at++] = code;
    }
    this.#length = at;
    return true;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.written());
    this.#bytes = grown;
  }
}

function digit(code: number): number {
  if (code <= 57) return code - 48;
  return code >= 97 ? code - 87 : code - 55;
}
