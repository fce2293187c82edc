/** Connections that had to be ended: what one may cost, and how soon its client may come again. */
import { once } from "node:events";
import { createServer } from "node:http2";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { trackSessions } from "../../src/server/http2-sessions.ts";
import {
  createOffenders,
  ENDED_INTERVAL_MS,
  isOffence,
  MAX_ENDED,
} from "../../src/server/offenders.ts";
import {
  callHeaders,
  END_HEADERS,
  FRAME,
  frame,
  openHttp2,
  openWire,
  u32,
  type Wire,
} from "../attacks/frames.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import {
  callGrpc,
  closeSession,
  EXECUTE,
  enveloped,
  executeRequest,
  grpcAnswer,
  openGrpc,
  openSession,
} from "./raw.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

const CANCEL = 8;
/** Innocent clients come from 127.0.0.1. */
const from = "127.0.0.2";

let clock: FakeClock;
let scene: TestServer;
beforeEach(async () => {
  clock = fakeClock();
  scene = await startTestServer({ parts: { clock } });
});
afterEach(() => scene.server.stop());

async function closed({ socket, isOpen }: Wire): Promise<void> {
  if (isOpen) await once(socket, "close");
}

function resets(count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => [
      frame(FRAME.HEADERS, END_HEADERS, 2 * index + 1, callHeaders(EXECUTE)),
      frame(FRAME.RST_STREAM, 0, 2 * index + 1, u32(CANCEL)),
    ]).flat(),
  );
}

/** Opened when the server reads frames, and looks for no preface any more. */
async function openReading(): Promise<Wire> {
  const wire = await openHttp2(scene.port, { from });
  await once(wire.socket, "data");
  return wire;
}

const OFFENCES: readonly [string, () => Promise<Wire>][] = [
  [
    "resets its calls at once",
    async () => {
      const wire = await openReading();
      await wire.send(resets(250));
      return wire;
    },
  ],
  [
    "sends frames that may not be",
    async () => {
      const wire = await openReading();
      await wire.send(frame(FRAME.WINDOW_UPDATE, 0, 0, u32(0)));
      return wire;
    },
  ],
  [
    "sends headers without end",
    async () => {
      const wire = await openWire(scene.port, { from });
      await wire.send(Buffer.from(`GET / HTTP/1.1\r\nx: ${"x".repeat(20_000)}`));
      return wire;
    },
  ],
  [
    "speaks no HTTP",
    async () => {
      const wire = await openWire(scene.port, { from });
      await wire.send(Buffer.from("\x16\x03\x01\x02garbage\r\n\r\n"));
      return wire;
    },
  ],
];

/** Whether a connection from the attacker's address is taken. */
async function isTaken(): Promise<boolean> {
  const wire = await openHttp2(scene.port, { from });
  const isServed = await Promise.race([
    once(wire.socket, "data").then(() => true),
    closed(wire).then(() => false),
  ]);
  wire.close();
  await closed(wire);
  return isServed;
}

test.each(OFFENCES)("whoever %s again and again is held off for a while", async (_, offend) => {
  for (let count = 0; count < MAX_ENDED; count++) await closed(await offend());
  expect(await isTaken()).toBe(false);
  expect(await isTaken()).toBe(false);
  await clock.advance(ENDED_INTERVAL_MS - 1);
  expect(await isTaken()).toBe(false);
  await clock.advance(1);
  expect(await isTaken()).toBe(true);
  await closed(await offend());
  expect(await isTaken()).toBe(false);
});

test("clients of other addresses are let in all the while, and open connections go on", async () => {
  const kept = await openReading();
  for (let count = 0; count < MAX_ENDED; count++) {
    const wire = await openReading();
    await wire.send(resets(250));
    await closed(wire);
  }
  expect(await isTaken()).toBe(false);
  expect(kept.isOpen).toBe(true);
  const answer = await callGrpc(scene.port, EXECUTE, enveloped(executeRequest("echo")));
  expect(answer.error).toBeUndefined();
  kept.close();
});

test("of calls that are reset in one read, what is over the limit is not begun", async () => {
  const http2 = createServer();
  trackSessions(http2, 60_000, createOffenders(clock), clock);
  let begunCount = 0;
  http2.on("stream", (stream) => {
    stream.on("error", () => undefined);
    begunCount++;
  });
  await new Promise<void>((resolve) => http2.listen(0, "127.0.0.1", resolve));
  const wire = await openHttp2(z.object({ port: z.number() }).parse(http2.address()).port);
  await once(wire.socket, "data");
  await wire.send(resets(400));
  await closed(wire);
  expect(begunCount).toBe(201);
  await new Promise((resolve) => http2.close(resolve));
});

test.each([
  ["without a deadline, after a second", {}, 1_000],
  ["a moment before their deadline", { "grpc-timeout": "500m" }, 450],
])("a client whose calls run out of time is no offender: %s", async (_, headers, afterMs) => {
  const session = await openSession(scene.port);
  for (let round = 1; round <= 4; round++) {
    const streams = Array.from({ length: 90 }, () => {
      const stream = openGrpc(session, EXECUTE, headers);
      stream.end(enveloped(executeRequest("hanging")));
      return stream;
    });
    await scene.manager.started(90 * round);
    await clock.advance(afterMs);
    for (const stream of streams) stream.close(CANCEL);
    await scene.manager.idle();
  }
  const last = openGrpc(session, EXECUTE);
  last.end(enveloped(executeRequest("echo")));
  expect((await grpcAnswer(last)).error).toBeUndefined();
  await closeSession(session);
});

test.each([
  ["HPE_HEADER_OVERFLOW", true],
  ["HPE_INVALID_METHOD", true],
  ["HPE_INVALID_EOF_STATE", false],
  ["ERR_HTTP2_ERROR", true],
  ["ERR_HTTP2_TOO_MANY_INVALID_FRAMES", true],
  ["ERR_HTTP2_SESSION_ERROR", false],
  ["ECONNRESET", false],
  ["ERR_HTTP_REQUEST_TIMEOUT", false],
])("%s is an offence: %s", (code, expected) => {
  expect(isOffence(Object.assign(new Error(code), { code }))).toBe(expected);
});
