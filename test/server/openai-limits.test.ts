/** What a call by OpenAI's protocol may cost, and how it ends when nobody wants it any more. */
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { request as secureRequest } from "node:https";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import { createCertificates } from "./certificates.ts";
import { postChat, readEvents, user } from "./openai-harness.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "./test-server.ts";

const PATH = "/v1/chat/completions";
const chatting = (model: string, stream = true) =>
  JSON.stringify({ model, stream, messages: [user("hello")] });

interface RawCall {
  /** For the rest of the body. */
  readonly out: Writable;
  /** Resolves with the reply when its headers are there. Nothing is read of it before. */
  readonly reply: Promise<{ status: number; body: Readable }>;
  /** Breaks the connection. */
  destroy(): void;
}

type Open = (port: number) => RawCall;

const json = { "content-type": "application/json" };

const openHttp1: Open = (port) => {
  const out = request({ port, path: PATH, method: "POST", headers: json, agent: false });
  out.on("error", () => undefined);
  const reply = once(out, "response").then(([body]) => ({ status: body.statusCode, body }));
  return { out, reply, destroy: () => void out.destroy() };
};

const openHttp2: Open = (port) => {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  const out = session.request({ ":method": "POST", ":path": PATH, ...json });
  out.on("error", () => undefined).once("close", () => session.close());
  const reply = once(out, "response").then(([head]) => ({ status: head[":status"], body: out }));
  return { out, reply, destroy: () => session.destroy() };
};

let server: TestServer;
let clock: FakeClock;

async function start(options: TestServerOptions = {}): Promise<void> {
  clock = fakeClock();
  server = await startTestServer({ ...options, parts: { clock, ...options.parts } });
}

async function callsEnded(): Promise<void> {
  await server.manager.idle();
  while (server.server.inFlightCount > 0) await new Promise((resolve) => setImmediate(resolve));
}

afterEach(async () => {
  await callsEnded();
  await server.server.stop();
  expect(server.server.connectionCount).toBe(0);
  expect(clock.timerCount).toBe(0);
  expect(server.errors).toEqual([]);
});

describe.each([
  ["HTTP/1.1", openHttp1],
  ["HTTP/2", openHttp2],
] as const)("%s", (_, open) => {
  function call(model: string, stream = true): RawCall {
    const opened = open(server.port);
    opened.out.end(chatting(model, stream));
    return opened;
  }

  test("serves both forms", async () => {
    await start();
    const whole = await call("echo", false).reply;
    expect(JSON.parse(await text(whole.body))).toMatchObject({ object: "chat.completion" });
    const stream = await call("echo").reply;
    expect(readEvents(await text(stream.body))).toMatchObject({ text: "hello", done: true });
  });

  test("a body that never ends is 408, and starts nothing", async () => {
    await start();
    const { out, reply } = open(server.port);
    out.write('{"model":');
    while (server.server.inFlightCount < 1) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(60_000);
    const { status, body } = await reply;
    expect(status).toBe(408);
    out.end();
    expect(JSON.parse(await text(body))).toMatchObject({ error: { code: "body_timeout" } });
    expect(server.manager.runs).toHaveLength(0);
  });

  test.each([true, false])(
    "a connection that breaks is a disconnect (stream: %s)",
    async (stream) => {
      await start();
      const broken = call("hanging", stream);
      broken.reply.catch(() => undefined);
      await server.manager.started(1);
      broken.destroy();
      await callsEnded();
      expect(server.manager.runs[0]?.abortedWith).toBe("disconnect");
    },
  );

  test("a reader that never reads is held up, not buffered, and then cut off", async () => {
    await start();
    const { reply } = call("endless");
    const { body } = await reply;
    // Answers show that the server has had its turns.
    let delivered = -1;
    while (delivered !== server.manager.deliveredCount) {
      delivered = server.manager.deliveredCount;
      for (let round = 0; round < 20; round++)
        await (await postChat(`${server.url}/v1`, chatting("echo"))).text();
    }
    // 32 KiB each; what is not held up is in the kernel's buffers of the loopback.
    expect(delivered).toBeLessThan(400);
    await clock.advance(120_000);
    await callsEnded();
    expect(server.manager.runs[0]?.abortedWith).toBe("disconnect");
    body.on("error", () => undefined).resume();
    body.destroy();
  });

  test("a reader that pauses goes on where it was", async () => {
    await start();
    const { reply, destroy } = call("endless");
    const { body } = await reply;
    let byteCount = 0;
    for await (const chunk of body) {
      byteCount += chunk.length;
      // What is sent meanwhile fills what can be filled.
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (byteCount > 20_000_000) break;
    }
    destroy();
    await callsEnded();
    expect(server.manager.runs[0]?.abortedWith).toBe("disconnect");
  });

  test("a stream with nothing to say shows that it lives", async () => {
    await start();
    const { reply, destroy } = call("hanging");
    await server.manager.started(1);
    let received = "";
    const opened = reply.then(({ status, body }) => {
      body
        .on("error", () => undefined)
        .on("data", (chunk) => {
          received += chunk;
        });
      return status;
    });
    while (received.length < 2 * ": waiting\n\n".length) await clock.advance(15_000);
    expect(await opened).toBe(200);
    expect(received.replaceAll(": waiting\n\n", "")).toBe("");
    destroy();
  });

  test("a drain waits for a stream, and turns new calls away with Retry-After", async () => {
    await start();
    const running = call("gated");
    await server.manager.started(1);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const before = await send(agent, "GET", "/v1/models");
    expect(before.status).toBe(200);
    const drained = server.server.drain(60_000);
    const refused = await send(agent, "POST", PATH);
    expect(refused).toMatchObject({ status: 503, retryAfter: "1" });
    expect(refused.body).toMatchObject({ error: { code: "draining", type: "server_error" } });
    agent.destroy();
    server.manager.release();
    const { body } = await running.reply;
    expect(readEvents(await text(body))).toMatchObject({ text: "hello", done: true });
    expect(await drained).toBe(true);
  });

  test("a stop that does not wait ends a stream; its task is handed on, not canceled", async () => {
    await start();
    const { reply } = call("hanging");
    reply.catch(() => undefined);
    await server.manager.started(1);
    const stopped = server.server.stop();
    await clock.advance(1_000);
    await stopped;
    expect(server.manager.runs[0]?.abortedWith).toBe("stop");
  });
});

async function send(agent: Agent, method: string, path: string) {
  const sent = request({ port: server.port, agent, method, path, headers: json });
  sent.end(method === "POST" ? chatting("echo") : undefined);
  const [response]: IncomingMessage[] = await once(sent, "response");
  if (!response) throw new Error("no response");
  const body: unknown = JSON.parse(await text(response));
  return { status: response.statusCode, retryAfter: response.headers["retry-after"], body };
}

test("over TLS", async () => {
  const { server: tls, ca } = createCertificates();
  await start({ options: { tls } });
  const options = { port: server.port, path: "/v1/models", ca, agent: false };
  const sent = secureRequest(options).end();
  const [response] = await once(sent, "response");
  expect(JSON.parse(await text(response))).toEqual({ object: "list", data: [] });
});

test("credentials are asked for before the body is read", async () => {
  await start({ parts: { authenticate: () => undefined } });
  const endless = openHttp1(server.port);
  endless.out.write("{");
  const { status, body } = await endless.reply;
  expect(status).toBe(401);
  expect(JSON.parse(await text(body))).toMatchObject({
    error: { type: "authentication_error", code: "unauthenticated" },
  });
  endless.destroy();
  expect((await fetch(`${server.url}/v1/models`)).status).toBe(401);
});
