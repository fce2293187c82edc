/** A client that goes away at every step, and one that stays but does not read. */
import { once } from "node:events";
import { connect } from "node:http2";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  openHttp2,
  u32,
} from "../attacks/frames.ts";
import {
  closeSession,
  EXECUTE,
  enveloped,
  executeRequest,
  grpcAnswer,
  openGrpc,
  openSession,
  openSocket,
  STREAM_EXECUTE,
} from "./raw.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

const CANCEL = 8;

/** Resolves when the server counts no call any more. */
async function callsEnded({ server, manager }: TestServer): Promise<void> {
  await manager.idle();
  while (server.inFlightCount > 0) await new Promise((resolve) => setImmediate(resolve));
}

describe.each([
  { path: "native", nativeGrpc: true },
  { path: "Connect", nativeGrpc: false },
])("gRPC on the $path path", ({ nativeGrpc }) => {
  let server: TestServer;
  beforeEach(async () => {
    server = await startTestServer({ options: { nativeGrpc } });
  });
  afterEach(async () => {
    await callsEnded(server);
    expect(server.manager.watcherCount).toBe(0);
    expect(server.errors).toEqual([]);
    await server.server.stop();
    expect(server.server.connectionCount).toBe(0);
  });

  test.each([
    ["a reset before the body", Buffer.alloc(0)],
    ["a reset within the body", enveloped(executeRequest("hanging")).subarray(0, 8)],
  ])("%s starts nothing", async (_, part) => {
    const session = await openSession(server.port);
    const stream = openGrpc(session, EXECUTE);
    if (part.length > 0) stream.write(part);
    // A call that is answered proves that the one before it has arrived.
    const other = openGrpc(session, EXECUTE);
    other.end(enveloped(executeRequest("echo")));
    await grpcAnswer(other);
    stream.close(CANCEL);
    await callsEnded(server);
    expect(server.manager.runs).toHaveLength(1);
    await closeSession(session);
  });

  test("calls that come together with their resets start nothing", async () => {
    const wire = await openHttp2(server.port);
    // The server's settings: from now on it reads frames, and looks for no preface.
    await once(wire.socket, "data");
    const call = (stream: number, agent: string): Buffer =>
      Buffer.concat([
        frame(FRAME.HEADERS, END_HEADERS, stream, callHeaders(EXECUTE)),
        frame(FRAME.DATA, END_STREAM, stream, enveloped(executeRequest(agent))),
      ]);
    const reset = Array.from({ length: 180 }, (_, index) => {
      const stream = 2 * index + 1;
      return [call(stream, "echo"), frame(FRAME.RST_STREAM, 0, stream, u32(CANCEL))];
    });
    // One write, and so one read; the last call has no reset, and proves that all have arrived.
    await wire.send(Buffer.concat([...reset.flat(), call(361, "echo")]));
    await server.manager.started(1);
    await callsEnded(server);
    expect(server.manager.runs).toHaveLength(1);
    wire.close();
  });

  test.each([
    ["Execute", EXECUTE, "hanging"],
    ["StreamExecute", STREAM_EXECUTE, "hanging"],
    ["StreamExecute while it streams", STREAM_EXECUTE, "endless"],
  ])("a reset of %s is a disconnect", async (_, path, agent) => {
    const session = await openSession(server.port);
    const stream = openGrpc(session, path);
    stream.on("error", () => undefined);
    stream.end(enveloped(executeRequest(agent)));
    await server.manager.started(1);
    if (path === STREAM_EXECUTE) await once(stream, "data");
    stream.close(CANCEL);
    await callsEnded(server);
    expect(server.manager.runs[0]?.abortedWith).toBe("disconnect");
    await closeSession(session);
  });

  test("a connection that breaks ends all its calls", async () => {
    const session = await openSession(server.port);
    const streams = Array.from({ length: 50 }, (_, index) => {
      const stream = openGrpc(session, index % 2 ? EXECUTE : STREAM_EXECUTE);
      stream.on("error", () => undefined);
      stream.end(enveloped(executeRequest(index % 3 ? "hanging" : "endless")));
      return stream;
    });
    await server.manager.started(streams.length);
    session.destroy();
    await callsEnded(server);
    const reasons = new Set(server.manager.runs.map(({ abortedWith }) => abortedWith));
    expect([...reasons]).toEqual(["disconnect"]);
  });

  test("a reader that never reads is held up, not buffered", async () => {
    const session = await openSession(server.port);
    const stream = openGrpc(session, STREAM_EXECUTE);
    stream.on("error", () => undefined);
    stream.end(enveloped(executeRequest("endless")));
    await server.manager.started(1);
    // Answers on the same connection show that the server has had its turns.
    for (let round = 0; round < 20; round++) {
      const other = openGrpc(session, EXECUTE);
      other.end(enveloped(executeRequest("echo")));
      expect((await grpcAnswer(other)).error).toBeUndefined();
    }
    expect(server.manager.deliveredCount).toBeLessThan(40);
    stream.close(CANCEL);
    await callsEnded(server);
    expect(server.manager.runs[0]?.abortedWith).toBe("disconnect");
    await closeSession(session);
  });

  test("a reader that never reads loses its connection after the idle time", async () => {
    const impatient = await startTestServer({ options: { nativeGrpc, idleTimeoutMs: 200 } });
    const session = connect(impatient.url);
    session.on("error", () => undefined);
    const stream = openGrpc(session, STREAM_EXECUTE);
    stream.on("error", () => undefined);
    stream.end(enveloped(executeRequest("endless")));
    await once(session, "close");
    await callsEnded(impatient);
    expect(impatient.manager.runs[0]?.abortedWith).toBe("disconnect");
    await impatient.server.stop();
  });

  test("a silent call outlives the idle time", async () => {
    const impatient = await startTestServer({ options: { nativeGrpc, idleTimeoutMs: 50 } });
    const session = await openSession(impatient.port);
    const stream = openGrpc(session, STREAM_EXECUTE);
    const answered = grpcAnswer(stream);
    stream.end(enveloped(executeRequest("gated")));
    await impatient.manager.started(1);
    const other = await openSession(impatient.port);
    // The idle connection, opened later, is closed; the one with the call is not.
    await once(other, "close");
    impatient.manager.release();
    expect((await answered).error).toBeUndefined();
    await closeSession(session);
    await impatient.server.stop();
  });

  test("a deadline that passes is no disconnect", async () => {
    const session = await openSession(server.port);
    const stream = openGrpc(session, STREAM_EXECUTE, { "grpc-timeout": "1S" });
    stream.end(enveloped(executeRequest("hanging")));
    const { error, messages } = await grpcAnswer(stream);
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED" });
    expect(messages).toHaveLength(2);
    await callsEnded(server);
    expect(server.manager.runs[0]?.abortedWith).toBe("deadline");
    await closeSession(session);
  });

  test("a reset at the deadline is no disconnect", async () => {
    const session = await openSession(server.port);
    const stream = openGrpc(session, EXECUTE, { "grpc-timeout": "90m" });
    stream.on("error", () => undefined);
    stream.end(enveloped(executeRequest("hanging")));
    await server.manager.started(1);
    stream.close(CANCEL);
    await callsEnded(server);
    expect(server.manager.runs[0]?.abortedWith).toBe("deadline");
    await closeSession(session);
  });
});

describe("HTTP/1.1", () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await startTestServer();
  });
  afterEach(async () => {
    await callsEnded(server);
    await server.server.stop();
  });

  test("a connection that breaks is a disconnect", async () => {
    const body = JSON.stringify({
      agent_id: "hanging",
      messages: [{ role: "ROLE_USER", content: [{ text: "hi" }] }],
    });
    const { socket, closed } = await openSocket(
      server.port,
      `POST ${EXECUTE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
        `content-length: ${body.length}\r\n\r\n${body}`,
    );
    await server.manager.started(1);
    socket.destroy();
    await closed;
    await callsEnded(server);
    expect(server.manager.runs[0]?.abortedWith).toBe("disconnect");
  });

  test("a body that breaks off starts nothing", async () => {
    const { socket, closed } = await openSocket(
      server.port,
      `POST ${EXECUTE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
        'content-length: 100\r\n\r\n{"agent_id"',
    );
    socket.end();
    await closed;
    await callsEnded(server);
    expect(server.manager.runs).toHaveLength(0);
  });

  test("an aborted fetch of a stream is a disconnect", async () => {
    const abort = new AbortController();
    const response = await fetch(`${server.url}${STREAM_EXECUTE}`, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto" },
      body: new Uint8Array(enveloped(executeRequest("endless"))),
      signal: abort.signal,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    abort.abort();
    await callsEnded(server);
    expect(server.manager.runs[0]?.abortedWith).toBe("disconnect");
  });
});
