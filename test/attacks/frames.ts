/** HTTP/2 by hand, for what no library would send. RFC 9113 and, for the headers, RFC 7541. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;
export const END_STREAM = 1;
export const END_HEADERS = 4;

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A header, not Huffman coded; `indexed`: the peer keeps it in its table. */
export function header(name: string, value: string, indexed = false): Buffer {
  return Buffer.concat([Buffer.from([indexed ? 0x40 : 0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let left = bytes.length - 127;
  for (; left >= 128; left >>>= 7) length.push((left & 127) | 128);
  length.push(left);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** The headers of a gRPC call. */
export function callHeaders(path: string, more: Readonly<Record<string, string>> = {}): Buffer {
  const all = {
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "localhost",
    "content-type": "application/grpc",
    te: "trailers",
    ...more,
  };
  return Buffer.concat(Object.entries(all).map(([name, value]) => header(name, value)));
}

export interface Wire {
  readonly socket: Socket;
  readonly isOpen: boolean;
  /** Resolves when the bytes are out, or the connection is gone. */
  send(bytes: Uint8Array): Promise<void>;
  close(): void;
}

/** A plain connection; `reads`: false never takes anything off it. */
export async function openWire(port: number, options: WireOptions = {}): Promise<Wire> {
  const { reads = true, from } = options;
  const socket = connect({ port, host: "127.0.0.1", ...(from ? { localAddress: from } : {}) });
  let isOpen = true;
  socket.on("error", () => socket.destroy());
  socket.once("close", () => {
    isOpen = false;
  });
  if (reads) socket.resume();
  await Promise.race([once(socket, "connect"), once(socket, "close")]).catch(() => undefined);
  return {
    socket,
    get isOpen() {
      return isOpen;
    },
    async send(bytes) {
      if (!isOpen || socket.write(bytes)) return;
      const waiting = new AbortController();
      const room = (event: string): Promise<unknown> =>
        once(socket, event, { signal: waiting.signal }).catch(() => undefined);
      await Promise.race([
        room("drain"),
        room("close"),
        // A peer that does not read any more must not hold the attacker up.
        setTimeout(200, undefined, { signal: waiting.signal }).catch(() => undefined),
      ]);
      waiting.abort();
    },
    close: () => socket.destroy(),
  };
}

export interface WireOptions {
  readonly reads?: boolean;
  /** The address that it comes from. */
  readonly from?: string;
}

/** With the preface and settings sent. */
export async function openHttp2(port: number, options: WireOptions = {}): Promise<Wire> {
  const wire = await openWire(port, options);
  await wire.send(Buffer.concat([PREFACE, frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(0))]));
  return wire;
}
