/** Connections that do little, for long. */
import { setTimeout } from "node:timers/promises";
import { callGrpc, EXECUTE, enveloped, executeRequest, STREAM_EXECUTE } from "../server/raw.ts";
import { type Attack, repeat, require, untilAborted, type Victim } from "./attack.ts";
import {
  callHeaders,
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  openHttp2,
  openWire,
  type Wire,
} from "./frames.ts";

const DRIP_MS = 50;

/** `count` connections; each says its opening, then one drop after the other. */
function slow(
  name: string,
  count: number,
  open: (victim: Victim) => Promise<Wire>,
  drop: () => Buffer,
  ask: (victim: Victim) => Promise<Wire> = askedByHttp1,
): Attack {
  return {
    name: `${name}, ${count} connections`,
    connectionCount: count,
    async run(victim, signal) {
      const wires = await Promise.all(Array.from({ length: count }, () => open(victim)));
      await repeat(signal, 10_000, async () => {
        await Promise.all(wires.map((wire) => wire.send(drop())));
        await setTimeout(DRIP_MS);
      });
      for (const wire of wires) wire.close();
      return drop().length > 0 ? `a byte each ${DRIP_MS} ms` : "silent";
    },
    honest: askedBy(count, ask),
  };
}

/** As many connections of well-behaved clients. */
function askedBy(count: number, ask: (victim: Victim) => Promise<Wire>): Attack["run"] {
  return async (victim, signal) => {
    const wires = await Promise.all(Array.from({ length: count }, () => ask(victim)));
    await untilAborted(signal);
    for (const wire of wires) wire.close();
    return "a call each";
  };
}

/** What such a client does with its connection: one small call. */
function askedByHttp1(victim: Victim): Promise<Wire> {
  const body = JSON.stringify({
    agentId: "echo",
    messages: [{ role: "ROLE_USER", content: [{ text: "hello" }] }],
  });
  const head = `POST ${EXECUTE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json`;
  return opened(victim, `${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
}

async function askedByHttp2({ port, from }: Victim): Promise<Wire> {
  const wire = await openHttp2(port, { from });
  const body = Buffer.from(enveloped(executeRequest("echo")));
  await wire.send(frame(FRAME.HEADERS, END_HEADERS, 1, callHeaders(EXECUTE)));
  await wire.send(frame(FRAME.DATA, END_STREAM, 1, body));
  return wire;
}

async function opened({ port, from }: Victim, text: string): Promise<Wire> {
  const wire = await openWire(port, { from });
  await wire.send(Buffer.from(text));
  return wire;
}

/** As much work for the server, whether or not it is read. */
async function streams(
  { port, from }: Victim,
  signal: AbortSignal,
  reads: boolean,
): Promise<string> {
  const body = JSON.stringify({
    model: "echo",
    stream: true,
    messages: [{ role: "user", content: "word ".repeat(20_000) }],
  });
  const request = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const wires = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const wire = await openWire(port, { reads, from });
      await wire.send(Buffer.from(request));
      return wire;
    }),
  );
  await untilAborted(signal);
  for (const wire of wires) wire.close();
  return "20 streams of 20,000 words";
}

export const SLOW: readonly Attack[] = [
  slow(
    "slow headers",
    200,
    (victim) => opened(victim, "POST / HTTP/1.1\r\nx-slow: "),
    () => Buffer.from("x"),
  ),
  slow(
    "slow body",
    200,
    (victim) =>
      opened(
        victim,
        `POST ${EXECUTE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 4000000\r\n\r\n`,
      ),
    () => Buffer.from(" "),
  ),
  slow(
    "slow body, HTTP/2",
    50,
    async ({ port, from }) => {
      const wire = await openHttp2(port, { from });
      await wire.send(frame(FRAME.HEADERS, END_HEADERS, 1, callHeaders(EXECUTE)));
      return wire;
    },
    () => frame(FRAME.DATA, 0, 1, Buffer.from([0])),
    askedByHttp2,
  ),
  slow(
    "half a preface",
    200,
    (victim) => opened(victim, "PRI * HTTP"),
    () => Buffer.alloc(0),
  ),
  slow(
    "half-open connections",
    200,
    async ({ port, from }) => {
      const wire = await openHttp2(port, { reads: false, from });
      await wire.send(frame(FRAME.HEADERS, END_HEADERS, 1, callHeaders(STREAM_EXECUTE)));
      // The head of a frame and a part of it, and then no word.
      await wire.send(frame(FRAME.DATA, 0, 1, Buffer.alloc(1000)).subarray(0, 20));
      return wire;
    },
    () => Buffer.alloc(0),
    askedByHttp2,
  ),
  {
    name: "idle connections, 500",
    connectionCount: 500,
    honest: askedBy(500, askedByHttp1),
    async run({ port, from }, signal) {
      const wires = await Promise.all(Array.from({ length: 500 }, () => openWire(port, { from })));
      await untilAborted(signal);
      for (const wire of wires) wire.close();
      return "nothing said";
    },
  },
  {
    name: "1,200 connections from an address",
    connectionCount: 1000,
    honest: askedBy(1000, askedByHttp1),
    async run({ port, from }, signal) {
      const wires: Wire[] = [];
      for (let count = 0; count < 1200; count += 100) {
        wires.push(
          ...(await Promise.all(Array.from({ length: 100 }, () => openWire(port, { from })))),
        );
      }
      await setTimeout(300);
      const openCount = wires.filter(({ isOpen }) => isOpen).length;
      require(openCount <= 1000, `${openCount} connections of one address are open`);
      // Others are let in all the while.
      const answer = await callGrpc(port, EXECUTE, enveloped(executeRequest("echo")));
      require(answer.error === undefined, "a client of another address was refused");
      await untilAborted(signal);
      for (const wire of wires) wire.close();
      return `${openCount} were let in`;
    },
  },
  {
    name: "connections opened and closed",
    connectionCount: 1,
    async run({ port, from }, signal) {
      const count = await repeat(signal, 5000, async () => {
        (await openWire(port, { from })).close();
        await setTimeout(1);
      });
      return `${count} of them`;
    },
  },
  {
    name: "header bomb, HTTP/1.1",
    connectionCount: 1,
    async run(victim, signal) {
      const count = await repeat(signal, 500, async () => {
        const wire = await opened(
          victim,
          `GET / HTTP/1.1\r\nx-bomb: ${"x".repeat(1024 * 1024)}\r\n\r\n`,
        );
        wire.close();
      });
      return `${count} × 1 MiB`;
    },
  },
  {
    name: "readers that never read, HTTP/1.1",
    connectionCount: 20,
    run: (victim, signal) => streams(victim, signal, false),
    honest: (victim, signal) => streams(victim, signal, true),
  },
  {
    name: "deadlines beyond any clock",
    connectionCount: 1,
    async run({ port }, signal) {
      const timeouts = ["99999999H", "0n", "-1S", "1e9S", "99999999999999999999S", "H"];
      const count = await repeat(signal, 200, async (index) => {
        const timeout = timeouts[index % timeouts.length] ?? "";
        const { error } = await callGrpc(port, STREAM_EXECUTE, enveloped(executeRequest("echo")), {
          "grpc-timeout": timeout,
        });
        require(error !== undefined, `the deadline ${timeout} was taken`);
      });
      return `${count} calls`;
    },
  },
];
