import { once } from "node:events";
import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createReplyWriter, type ReplyWriter } from "../../src/server/grpc/reply-writer.ts";

/** A sink whose writes finish when told to. */
function heldSink() {
  const chunks: Buffer[] = [];
  const held: (() => void)[] = [];
  const sink = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      held.push(done);
    },
  });
  return { sink, chunks, release: () => held.shift()?.() };
}

const message = Buffer.alloc(1000, 7);

/** Adds a message as a batch of its own. */
function send(writer: ReplyWriter): boolean {
  const hasRoom = writer.add(message);
  writer.flush();
  return hasRoom;
}

test("a batch goes out in one write", () => {
  const { sink, chunks } = heldSink();
  const writer = createReplyWriter(sink);
  for (let count = 0; count < 10; count++) writer.add(message);
  expect(chunks).toEqual([]);
  writer.flush();
  expect(chunks.map(({ length }) => length)).toEqual([10 * 1005]);
});

test("the first message goes out at once, those after it together", async () => {
  const { sink, chunks, release } = heldSink();
  const writer = createReplyWriter(sink);
  for (let count = 0; count < 10; count++) expect(send(writer)).toBe(true);
  expect(chunks.map(({ length }) => length)).toEqual([1005]);
  release();
  await new Promise((resolve) => setImmediate(resolve));
  expect(chunks.map(({ length }) => length)).toEqual([1005, 9 * 1005]);
  expect([...(chunks[1]?.subarray(0, 6) ?? [])]).toEqual([0, 0, 0, 0x03, 0xe8, 7]);
});

test("past 64 KiB there is no room until a write is done", async () => {
  const { sink, chunks, release } = heldSink();
  const writer = createReplyWriter(sink);
  let count = 1;
  while (send(writer)) count++;
  expect(count * 1005).toBeGreaterThan(64 * 1024);
  expect(count * 1005).toBeLessThan(68 * 1024);
  let room = false;
  const waiting = writer.room().then(() => {
    room = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(room).toBe(false);
  release();
  await waiting;
  expect(chunks).toHaveLength(2);
});

test("nobody waits for a stream that is closed", async () => {
  const { sink } = heldSink();
  const writer = createReplyWriter(sink);
  while (send(writer));
  const waiting = writer.room();
  sink.destroy();
  await waiting;
  await writer.room();
  expect(send(writer)).toBe(false);
});

test("the end brings what is left", async () => {
  const { sink, chunks, release } = heldSink();
  const writer = createReplyWriter(sink);
  for (let count = 0; count < 3; count++) send(writer);
  writer.end();
  release();
  await new Promise((resolve) => setImmediate(resolve));
  release();
  await once(sink, "finish");
  expect(Buffer.concat(chunks)).toHaveLength(3 * 1005);
});
