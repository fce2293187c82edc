/** Every axis has a limit, and what is over it is told so or cut off. */
import { once } from "node:events";
import { constants } from "node:http2";
import { expect, test } from "vitest";
import { fakeClock } from "../fakes/fake-clock.ts";
import {
  callGrpc,
  closeSession,
  EXECUTE,
  enveloped,
  executeRequest,
  grpcAnswer,
  openGrpc,
  openSession,
  openSocket,
} from "./raw.ts";
import { startTestServer } from "./test-server.ts";

test("connections of one address over the limit are closed", async () => {
  const { server, port } = await startTestServer({ options: { maxConnectionsPerAddress: 3 } });
  const kept = await Promise.all([openSocket(port), openSocket(port), openSocket(port)]);
  await (await openSocket(port)).closed;
  expect(server.connectionCount).toBe(3);
  kept[0]?.socket.destroy();
  while (server.connectionCount === 3) await new Promise((resolve) => setImmediate(resolve));
  expect((await callGrpc(port, EXECUTE, enveloped(executeRequest("echo")))).error).toBeUndefined();
  await server.stop();
});

test("connections over the total limit are closed", async () => {
  const { server, port } = await startTestServer({ options: { maxConnections: 1 } });
  const kept = await openSocket(port);
  await (await openSocket(port)).closed;
  kept.socket.destroy();
  await kept.closed;
  await server.stop();
});

test("calls of one connection over the limit are refused, the others go on", async () => {
  const { server, port, manager } = await startTestServer({ options: { maxConcurrentStreams: 5 } });
  const session = await openSession(port);
  // Before the client knows the limit: the server must hold it by itself.
  const streams = Array.from({ length: 20 }, () => openGrpc(session, EXECUTE));
  const answers = streams.map((stream) => {
    stream.end(enveloped(executeRequest("gated")));
    return grpcAnswer(stream);
  });
  await manager.started(5);
  manager.release();
  await Promise.all(answers);
  const codes = streams.map(({ rstCode }) => rstCode);
  expect(codes.filter((code) => code === constants.NGHTTP2_NO_ERROR).length).toBeGreaterThanOrEqual(
    5,
  );
  const other = codes.filter((code) => code !== constants.NGHTTP2_NO_ERROR);
  expect(new Set([...other, constants.NGHTTP2_REFUSED_STREAM])).toEqual(
    new Set([constants.NGHTTP2_REFUSED_STREAM]),
  );
  await closeSession(session);
  await server.stop();
});

test("a connection that never says anything is cut off", async () => {
  const clock = fakeClock();
  const { server, port } = await startTestServer({ parts: { clock } });
  const silent = await openSocket(port);
  const slow = await openSocket(port, "PRI * HT");
  while (clock.timerCount < 2) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(9_999);
  expect(server.connectionCount).toBe(2);
  await clock.advance(1);
  await Promise.all([silent.closed, slow.closed]);
  expect(clock.timerCount).toBe(0);
  await server.stop();
});

test("HTTP/1.1 headers that never end are cut off with 408", async () => {
  const { server, port } = await startTestServer({ options: { headerTimeoutMs: 100 } });
  const { closed } = await openSocket(port, "GET / HTTP/1.1\r\nx-slow: ");
  expect(await closed).toContain("408 Request Timeout");
  await server.stop();
});

test("HTTP/1.1 headers over the limit are 431", async () => {
  const { server, port } = await startTestServer();
  const large = `GET / HTTP/1.1\r\nx-large: ${"x".repeat(20_000)}\r\n\r\n`;
  const { closed } = await openSocket(port, large);
  expect(await closed).toContain("431 Request Header Fields Too Large");
  await server.stop();
});

test.each([true, false])(
  "a body that never ends is DEADLINE_EXCEEDED (native: %s)",
  async (nativeGrpc) => {
    const clock = fakeClock();
    const { server, port, manager } = await startTestServer({
      parts: { clock },
      options: { nativeGrpc },
    });
    const session = await openSession(port);
    const stream = openGrpc(session, EXECUTE);
    const answered = grpcAnswer(stream);
    stream.write(enveloped(executeRequest("echo")).subarray(0, 7));
    while (server.inFlightCount < 1) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(60_000);
    // The server has answered; the client's half of the stream is still open.
    await Promise.race([answered, once(stream, "end")]);
    stream.end();
    expect((await answered).error).toMatchObject({
      code: "DEADLINE_EXCEEDED",
      reason: "BODY_TIMEOUT",
    });
    expect(manager.runs).toHaveLength(0);
    expect(clock.timerCount).toBe(0);
    await closeSession(session);
    await server.stop();
  },
);

test("a flood of resets ends the connection, not the server", async () => {
  const { server, port } = await startTestServer();
  const session = await openSession(port);
  const closed = new Promise((resolve) => session.once("close", resolve));
  const flood = (): void => {
    for (let count = 0; count < 90 && !session.destroyed; count++) {
      const stream = openGrpc(session, EXECUTE);
      stream.on("error", () => undefined);
      stream.close(constants.NGHTTP2_CANCEL);
    }
    if (!session.destroyed) setImmediate(flood);
  };
  flood();
  await closed;
  expect((await callGrpc(port, EXECUTE, enveloped(executeRequest("echo")))).error).toBeUndefined();
  expect(server.inFlightCount).toBe(0);
  await server.stop();
});

test("garbage instead of HTTP is closed", async () => {
  const { server, port } = await startTestServer();
  const garbage = await openSocket(port, "\x16\x03\x01\x02garbage\r\n\r\n");
  await garbage.closed;
  const badFrames = await openSocket(port, `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${"\xff".repeat(100)}`);
  await badFrames.closed;
  expect(server.connectionCount).toBe(0);
  await server.stop();
});
