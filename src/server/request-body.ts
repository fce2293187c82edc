/** From the bytes of a request to its message, within the limits. The same for every protocol. */
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { brotliDecompress, gunzip } from "node:zlib";
import {
  type DescMessage,
  fromBinary,
  fromJsonString,
  type Message,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import { wireError } from "./error-codes.ts";
import { assertJsonSize } from "./json-size.ts";
import { assertMessageCount } from "./message-count.ts";
import type { Protocol } from "./protocol.ts";
import { takeTurn } from "./turns.ts";

export interface BodyLimits {
  readonly maxMessageBytes: number;
  readonly maxDepth: number;
  readonly bodyTimeoutMs: number;
}

export interface Body {
  readonly source: Readable;
  readonly protocol: Protocol;
  /** As the protocol's encoding header names it. */
  readonly encoding: string | undefined;
  readonly contentLength: string | undefined;
}

const ENVELOPE_BYTES = 5;
const FLAG_COMPRESSED = 1;
const decompressors: Readonly<
  Record<string, (bytes: Uint8Array, limit: { maxOutputLength: number }) => Promise<Buffer>>
> = { gzip: promisify(gunzip), br: promisify(brotliDecompress) };

/** Reads exactly one message. */
export async function readMessage(
  input: DescMessage,
  body: Body,
  limits: BodyLimits,
  clock: Clock,
): Promise<Message> {
  const bytes = await readBytes(body, limits, clock);
  return decode(input, bytes, body.protocol.json, limits.maxDepth);
}

/** The bytes of exactly one message, decompressed. */
export async function readBytes(body: Body, limits: BodyLimits, clock: Clock): Promise<Uint8Array> {
  const maxBytes = limits.maxMessageBytes + (body.protocol.enveloped ? ENVELOPE_BYTES : 0);
  if (Number(body.contentLength ?? 0) > maxBytes) throw tooLarge(limits.maxMessageBytes);
  let bytes: Uint8Array = await readAll(body.source, maxBytes, limits, clock);
  let compressed = body.encoding !== undefined && body.encoding !== "identity";
  if (body.protocol.enveloped) {
    const envelope = openEnvelope(bytes);
    if (envelope.compressed && !compressed) {
      throw malformed("a message is flagged as compressed, but no header names the compression");
    }
    ({ bytes, compressed } = envelope);
  }
  return compressed ? decompressed(bytes, body.encoding ?? "", limits.maxMessageBytes) : bytes;
}

/** Throws `invalid_argument` for what is no message of this type. */
export function decode<D extends DescMessage>(
  input: D,
  bytes: Uint8Array,
  json: boolean,
  maxDepth: number,
): MessageShape<D> {
  // A list or an object is two messages: the Value and the ListValue or Struct in it.
  const recursionLimit = 2 * maxDepth + 2;
  try {
    if (!json) {
      assertMessageCount(input, bytes, recursionLimit);
      return fromBinary(input, bytes, { recursionLimit });
    }
    assertJsonSize(bytes, maxDepth);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return fromJsonString(input, text, { ignoreUnknownFields: false, recursionLimit });
  } catch (error) {
    if (error instanceof AgentlaneError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw malformed(`the request body is no ${input.typeName}: ${why}`, error);
  }
}

/**
 * Bytes that come piece by piece, at most `maxBytes` of them. They are copied as they come: a piece that
 * is kept takes a hundred times its size when it is small, and a slow or hostile client sends single bytes.
 */
function growing(maxBytes: number) {
  let only: Uint8Array | undefined;
  let joined = Buffer.alloc(0);
  let byteCount = 0;

  function join(piece: Uint8Array): void {
    if (byteCount + piece.byteLength > joined.length) {
      const wanted = Math.max(2 * joined.length, byteCount + piece.byteLength);
      const larger = Buffer.allocUnsafeSlow(Math.min(maxBytes, wanted));
      joined.copy(larger, 0, 0, byteCount);
      joined = larger;
    }
    joined.set(piece, byteCount);
    byteCount += piece.byteLength;
  }

  return {
    /** False: these are too many. */
    add(piece: Uint8Array): boolean {
      const before = only?.byteLength ?? byteCount;
      if (before + piece.byteLength > maxBytes) return false;
      if (before === 0) {
        only = piece;
        return true;
      }
      if (only) {
        join(only);
        only = undefined;
      }
      join(piece);
      return true;
    },
    all: (): Uint8Array => only ?? joined.subarray(0, byteCount),
  };
}

function readAll(
  source: Readable,
  maxBytes: number,
  limits: BodyLimits,
  clock: Clock,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const bytes = growing(maxBytes);
    const timer = clock.setTimer(limits.bodyTimeoutMs, () => stop(tooSlow(limits.bodyTimeoutMs)));
    const stop = (error?: Error): void => {
      timer.clear();
      source.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      if (error === undefined) {
        resolve(bytes.all());
        return;
      }
      // What else arrives of a body that nobody wants is let go of, and its failure too.
      source.on("error", () => undefined).resume();
      reject(error);
    };
    const onData = (chunk: Uint8Array): void => {
      if (!bytes.add(chunk)) stop(tooLarge(limits.maxMessageBytes));
    };
    const onEnd = (): void => stop();
    const onGone = (): void => takeTurn(() => stop(incomplete()));
    source.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
    // An empty body may have ended before anybody listened.
    if (source.readableEnded) onEnd();
    else if (source.destroyed) onGone();
  });
}

function openEnvelope(bytes: Uint8Array): { bytes: Uint8Array; compressed: boolean } {
  if (bytes.byteLength === 0) throw cardinality("missing the request message");
  if (bytes.byteLength < ENVELOPE_BYTES) throw malformed("the message's envelope is incomplete");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(0);
  const end = ENVELOPE_BYTES + view.getUint32(1);
  if (flags !== 0 && flags !== FLAG_COMPRESSED) throw malformed(`unknown envelope flags ${flags}`);
  if (bytes.byteLength < end) {
    throw malformed(`the envelope promises ${end} bytes, ${bytes.byteLength} came`);
  }
  if (bytes.byteLength > end) throw cardinality("more than one request message");
  const compressed = flags === FLAG_COMPRESSED;
  return { bytes: bytes.subarray(ENVELOPE_BYTES, end), compressed };
}

async function decompressed(
  bytes: Uint8Array,
  encoding: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const decompress = Object.hasOwn(decompressors, encoding) ? decompressors[encoding] : undefined;
  if (!decompress) {
    throw wireError({
      code: Code.Unimplemented,
      reason: "UNKNOWN_COMPRESSION",
      message: `unknown compression "${encoding}": use gzip, br or identity`,
    });
  }
  if (bytes.byteLength === 0) return bytes;
  try {
    return await decompress(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(maxBytes);
    throw malformed(`the request body is not valid ${encoding} data`, error);
  }
}

function malformed(message: string, cause?: unknown): AgentlaneError {
  return new AgentlaneError("invalid_argument", "MALFORMED_REQUEST", message, { cause });
}

function tooLarge(maxBytes: number): Error {
  return wireError({
    code: Code.ResourceExhausted,
    reason: "MESSAGE_TOO_LARGE",
    message: `the request is larger than ${maxBytes} bytes`,
    mayRetry: false,
  });
}

function tooSlow(bodyTimeoutMs: number): AgentlaneError {
  return new AgentlaneError(
    "deadline_exceeded",
    "BODY_TIMEOUT",
    `the request body did not arrive within ${bodyTimeoutMs} ms`,
  );
}

function incomplete(): AgentlaneError {
  return new AgentlaneError(
    "canceled",
    "CLIENT_DISCONNECTED",
    "the request ended before its body was complete",
  );
}

/** gRPC's code for a wrong number of messages. */
function cardinality(what: string): Error {
  return wireError({ code: Code.Unimplemented, reason: "WRONG_MESSAGE_COUNT", message: what });
}
