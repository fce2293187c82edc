/** A request's body is the same however it is cut into pieces. */
import { PassThrough, Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { protocolOf } from "../../src/server/protocol.ts";
import { readBytes } from "../../src/server/request-body.ts";

const MAX = 1000;
const limits = { maxMessageBytes: MAX, maxDepth: 64, bodyTimeoutMs: 10_000 };

function read(source: Readable): Promise<Uint8Array> {
  const protocol = protocolOf("application/json", "unary");
  if (!protocol) throw new Error("JSON is a protocol");
  const body = { source, protocol, encoding: undefined, contentLength: undefined };
  return readBytes(body, limits, systemClock);
}

function pieces(bytes: Buffer, size: number): Buffer[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
}

const whole = Buffer.from(Array.from({ length: MAX }, (_, at) => at % 251));

describe.each([1, 2, 7, 333, 999, 1000])("in pieces of %i", (size) => {
  test("it is what was sent", async () => {
    expect(Buffer.from(await read(Readable.from(pieces(whole, size))))).toEqual(whole);
  });

  test("a byte over the limit is refused", async () => {
    const tooLong = Buffer.concat([whole, Buffer.from([1])]);
    await expect(read(Readable.from(pieces(tooLong, size)))).rejects.toThrow(/1000 bytes/);
  });
});

test("empty pieces are none", async () => {
  const source = new PassThrough();
  const reading = read(source);
  for (const piece of [[], [1], [], [2, 3], []]) source.write(Buffer.from(piece));
  source.end();
  expect([...(await reading)]).toEqual([1, 2, 3]);
});

test("no pieces are an empty body", async () => {
  expect([...(await read(Readable.from([])))]).toEqual([]);
});

test("a piece that its sender writes over meanwhile is not kept", async () => {
  const source = new PassThrough();
  const reading = read(source);
  const piece = Buffer.from([1]);
  source.write(Buffer.from([0]));
  source.write(piece);
  await new Promise((resolve) => setImmediate(resolve));
  piece[0] = 9;
  source.end();
  expect([...(await reading)]).toEqual([0, 1]);
});
