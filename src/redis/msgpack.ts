/**
 * Reads what Lua's cmsgpack writes (https://github.com/msgpack/msgpack/blob/master/spec.md). Texts
 * stay bytes: only their reader knows which of them are text.
 */
import { AgentlaneError } from "../errors.ts";

export type Packed = number | boolean | null | Buffer | Packed[] | Map<string, Packed>;

export function unpack(packed: Buffer): Packed {
  return new Reader(packed).value();
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(packed: Buffer) {
    this.#bytes = packed;
  }

  value(): Packed {
    const tag = this.#bytes.readUInt8(this.#at++);
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.#map(tag & 0x0f);
    if (tag < 0xa0) return this.#array(tag & 0x0f);
    if (tag < 0xc0) return this.#take(tag & 0x1f);
    if (tag >= 0xe0) return tag - 0x100;
    return this.#tagged(tag);
  }

  #tagged(tag: number): Packed {
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xd9:
        return this.#take(this.#unsigned(1));
      case 0xc5:
      case 0xda:
        return this.#take(this.#unsigned(2));
      case 0xc6:
      case 0xdb:
        return this.#take(this.#unsigned(4));
      case 0xdc:
        return this.#array(this.#unsigned(2));
      case 0xdd:
        return this.#array(this.#unsigned(4));
      case 0xde:
        return this.#map(this.#unsigned(2));
      case 0xdf:
        return this.#map(this.#unsigned(4));
      default:
        return this.#number(tag);
    }
  }

  #number(tag: number): number {
    switch (tag) {
      case 0xca:
        return this.#bytes.readFloatBE(this.#skip(4));
      case 0xcb:
        return this.#bytes.readDoubleBE(this.#skip(8));
      case 0xcc:
        return this.#unsigned(1);
      case 0xcd:
        return this.#unsigned(2);
      case 0xce:
        return this.#unsigned(4);
      case 0xcf:
        return Number(this.#bytes.readBigUInt64BE(this.#skip(8)));
      case 0xd0:
        return this.#bytes.readInt8(this.#skip(1));
      case 0xd1:
        return this.#bytes.readInt16BE(this.#skip(2));
      case 0xd2:
        return this.#bytes.readInt32BE(this.#skip(4));
      case 0xd3:
        return Number(this.#bytes.readBigInt64BE(this.#skip(8)));
      default:
        throw new AgentlaneError("internal", "STORED_FORMAT", `unknown MessagePack tag ${tag}`);
    }
  }

  #unsigned(size: number): number {
    return this.#bytes.readUIntBE(this.#skip(size), size);
  }

  /** Answers where what is skipped begins. */
  #skip(size: number): number {
    this.#at += size;
    return this.#at - size;
  }

  #take(size: number): Buffer {
    const from = this.#skip(size);
    return this.#bytes.subarray(from, this.#at);
  }

  #array(length: number): Packed[] {
    const values: Packed[] = [];
    for (let index = 0; index < length; index++) values.push(this.value());
    return values;
  }

  #map(length: number): Map<string, Packed> {
    const map = new Map<string, Packed>();
    for (let index = 0; index < length; index++) {
      const key = this.value();
      map.set(Buffer.isBuffer(key) ? key.toString("latin1") : String(key), this.value());
    }
    return map;
  }
}
