/** What a server must survive, and say, when it is sent nonsense. */
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import {
  callGrpc,
  EXECUTE,
  encoded,
  enveloped,
  executeRequest,
  postJson,
  STREAM_EXECUTE,
} from "./raw.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

const MIB = 1024 * 1024;
const TURN = { agent_id: "echo", messages: [{ role: "ROLE_USER", content: [{ text: "hi" }] }] };

/** Lists in lists: two messages a level in binary. */
function nestedValue(depth: number): Value {
  let value = create(ValueSchema, { kind: { case: "numberValue", value: 1 } });
  for (let level = 0; level < depth; level++) {
    value = create(ValueSchema, { kind: { case: "listValue", value: { values: [value] } } });
  }
  return value;
}

function requestWithInput(input: Value): Uint8Array {
  return toBinary(ExecuteRequestSchema, create(ExecuteRequestSchema, { agentId: "echo", input }));
}

/** Field 4 (input) → list_value (6) → values (1) → …, written from the inside, without recursion. */
function wireBomb(levels: number): Buffer {
  const varint = (value: number): number[] => {
    const bytes: number[] = [];
    for (let rest = value; ; rest >>>= 7) {
      if (rest < 128) return [...bytes, rest];
      bytes.push((rest & 127) | 128);
    }
  };
  const heads: number[][] = [];
  let length = 0;
  for (let level = 0; level < levels; level++) {
    const head = [level % 2 === 0 ? 0x32 : 0x0a, ...varint(length)];
    heads.push(head);
    length += head.length;
  }
  heads.push([0x22, ...varint(length)]);
  return Buffer.from(heads.reverse().flat());
}

describe.each([
  { path: "native", nativeGrpc: true },
  { path: "Connect", nativeGrpc: false },
])("gRPC on the $path path", ({ nativeGrpc }) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ options: { nativeGrpc } });
  });
  afterAll(async () => {
    await server.manager.idle();
    expect(server.errors).toEqual([]);
    expect(server.server.inFlightCount).toBe(0);
    await server.server.stop();
  });

  const call = (body: Uint8Array, headers = {}) => callGrpc(server.port, EXECUTE, body, headers);

  test.each([
    ["bytes that are no message", enveloped(Buffer.from("ffffff", "hex")), "MALFORMED_REQUEST"],
    [
      "an envelope that promises more",
      enveloped(executeRequest("echo")).subarray(0, 9),
      "MALFORMED_REQUEST",
    ],
    ["half an envelope", Buffer.from([0, 0]), "MALFORMED_REQUEST"],
    ["unknown flags", enveloped(executeRequest("echo"), 4), "MALFORMED_REQUEST"],
    [
      "a compressed flag without compression",
      enveloped(executeRequest("echo"), 1),
      "MALFORMED_REQUEST",
    ],
    ["a deep value", enveloped(requestWithInput(nestedValue(80))), "MALFORMED_REQUEST"],
    ["a depth bomb", enveloped(wireBomb(50_000)), "MALFORMED_REQUEST"],
    ["an id with a forged separator", enveloped(executeRequest("a#b")), "INVALID_FIELD"],
    ["an unknown enum value", enveloped(encoded({ ...TURN, priority: 77 })), "INVALID_FIELD"],
    [
      "a role that is not set",
      enveloped(encoded({ agent_id: "echo", messages: [{ content: [{ text: "" }] }] })),
      "INVALID_FIELD",
    ],
  ])("%s is INVALID_ARGUMENT", async (_, body, reason) => {
    const { error } = await call(body);
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason });
  });

  test.each([
    ["no message", Buffer.alloc(0)],
    [
      "two messages",
      Buffer.concat([enveloped(executeRequest("echo")), enveloped(executeRequest("echo"))]),
    ],
  ])("%s is UNIMPLEMENTED", async (_, body) => {
    const { error } = await call(body);
    expect(error).toMatchObject({ code: "UNIMPLEMENTED", reason: "WRONG_MESSAGE_COUNT" });
  });

  test("64 levels of values are fine", async () => {
    expect((await call(enveloped(requestWithInput(nestedValue(64))))).error).toBeUndefined();
  });

  test("a message over 4 MiB is RESOURCE_EXHAUSTED, told before and after it came", async () => {
    const large = executeRequest("echo", "x".repeat(4 * MIB));
    const told = await call(enveloped(large), { "content-length": large.byteLength + 5 });
    expect(told.error).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "MESSAGE_TOO_LARGE" });
    expect(told.error?.retryDelayMs).toBeUndefined();
    const untold = await call(enveloped(large));
    expect(untold.error).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "MESSAGE_TOO_LARGE" });
  });

  test("a message just under 4 MiB is fine", async () => {
    const reply = await call(enveloped(executeRequest("full", "x".repeat(4 * MIB - 100))));
    expect(reply.error).toMatchObject({ reason: "QUEUE_FULL" });
  });

  test("gzip is understood, its bombs and broken forms are not", async () => {
    const gzip = { "grpc-encoding": "gzip" };
    const good = await call(enveloped(gzipSync(executeRequest("echo")), 1), gzip);
    expect(good.error).toBeUndefined();
    const bomb = await call(enveloped(gzipSync(Buffer.alloc(256 * MIB)), 1), gzip);
    expect(bomb.error).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "MESSAGE_TOO_LARGE" });
    const broken = await call(enveloped(Buffer.from("no gzip"), 1), gzip);
    expect(broken.error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MALFORMED_REQUEST" });
    const unknown = await call(enveloped(executeRequest("echo"), 1), { "grpc-encoding": "lzma" });
    expect(unknown.error).toMatchObject({ code: "UNIMPLEMENTED", reason: "UNKNOWN_COMPRESSION" });
  });

  test.each([
    ["0n", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"],
    ["0S", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"],
    ["-1S", "INVALID_ARGUMENT", "INVALID_TIMEOUT"],
    ["soon", "INVALID_ARGUMENT", "INVALID_TIMEOUT"],
    ["999999999S", "INVALID_ARGUMENT", "INVALID_TIMEOUT"],
    ["25H", "INVALID_ARGUMENT", "TIMEOUT_TOO_LONG"],
  ])("the timeout %s is %s", async (timeout, code, reason) => {
    const started = server.manager.runs.length;
    const { error } = await call(enveloped(executeRequest("echo")), { "grpc-timeout": timeout });
    expect(error).toMatchObject({ code, reason });
    expect(server.manager.runs).toHaveLength(started);
  });

  test("a deadline becomes the task's, none stays none", async () => {
    const timeout = { "grpc-timeout": "90S" };
    await call(enveloped(executeRequest("echo")), timeout);
    const remaining = server.manager.runs.at(-1)?.options.deadlineInMs;
    expect(remaining).toBeGreaterThan(0);
    expect(remaining).toBeLessThanOrEqual(90_000);
    await call(enveloped(executeRequest("echo")));
    expect(server.manager.runs.at(-1)?.options.deadlineInMs).toBeUndefined();
  });

  test("an unknown RPC is UNIMPLEMENTED", async () => {
    for (const path of ["/agentlane.v1.AgentService/Nope", "/nope", "/"]) {
      const { status, error } = await callGrpc(server.port, path, enveloped(Buffer.alloc(0)));
      expect(status).toBe(200);
      expect(error).toMatchObject({ code: "UNIMPLEMENTED" });
    }
  });

  test("headers over 16 KiB do not reach a service", async () => {
    const started = server.manager.runs.length;
    const large = { "x-large": "x".repeat(20_000) };
    const { error, status } = await call(enveloped(executeRequest("echo")), large);
    expect(status).toBe(431);
    expect(error).toBeDefined();
    expect(server.manager.runs).toHaveLength(started);
  });
});

describe("JSON", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(async () => {
    expect(server.errors).toEqual([]);
    await server.server.stop();
  });

  const post = (body: string | Uint8Array<ArrayBuffer>, headers = {}) =>
    postJson(server.url, EXECUTE, body, headers);

  test.each([
    ["no JSON", "{agent", "MALFORMED_REQUEST"],
    ["nothing", "", "MALFORMED_REQUEST"],
    ["a list", "[]", "MALFORMED_REQUEST"],
    ["a wrong type", '{"agent_id": 7}', "MALFORMED_REQUEST"],
    ["an unknown field", '{"agent": "echo"}', "MALFORMED_REQUEST"],
    [
      "an unknown enum name",
      JSON.stringify({ ...TURN, priority: "PRIORITY_NOW" }),
      "MALFORMED_REQUEST",
    ],
    ["an unknown enum value", JSON.stringify({ ...TURN, priority: 77 }), "INVALID_FIELD"],
    ["a depth bomb", `{"agent_id":"echo","input":${"[".repeat(2 * MIB)}`, "TOO_DEEP"],
    ["65 levels", `{"agent_id":"echo","input":${"[".repeat(64)}${"]".repeat(64)}}`, "TOO_DEEP"],
    ["a bad id", JSON.stringify({ ...TURN, agent_id: "../etc" }), "INVALID_FIELD"],
    ["a bad session", JSON.stringify({ ...TURN, session_id: "a b" }), "INVALID_FIELD"],
  ])("%s is 400 invalid_argument", async (_, body, reason) => {
    expect(await post(body)).toMatchObject({ status: 400, code: "invalid_argument", reason });
  });

  test("bytes that are no UTF-8 are refused", async () => {
    const answer = await post(Uint8Array.from([0x22, 0xff, 0x22]));
    expect(answer).toMatchObject({ status: 400, reason: "MALFORMED_REQUEST" });
  });

  test("brackets in strings are not levels, 64 levels are fine", async () => {
    const text = '"[\\"{'.repeat(1) + "[".repeat(1000);
    const request = {
      ...TURN,
      agent_id: "full",
      messages: [{ role: "ROLE_USER", content: [{ text }] }],
    };
    expect(await post(JSON.stringify(request))).toMatchObject({ reason: "QUEUE_FULL" });
    const deep = `{"agent_id":"full","input":${"[".repeat(63)}${"]".repeat(63)}}`;
    expect(await post(deep)).toMatchObject({ reason: "QUEUE_FULL" });
  });

  test("a body over 4 MiB is 429 resource_exhausted", async () => {
    const body = JSON.stringify({ ...TURN, session_id: "x".repeat(4 * MIB) });
    expect(await post(body)).toMatchObject({ status: 429, reason: "MESSAGE_TOO_LARGE" });
  });

  test("a gzip body is understood, a bomb is not", async () => {
    const gzip = { "content-encoding": "gzip" };
    const good = gzipSync(JSON.stringify({ ...TURN, agent_id: "full" }));
    expect(await post(good, gzip)).toMatchObject({ reason: "QUEUE_FULL" });
    const bomb = gzipSync(Buffer.alloc(256 * MIB, " "));
    expect(await post(bomb, gzip)).toMatchObject({ status: 429, reason: "MESSAGE_TOO_LARGE" });
  });

  test.each([
    ["0", 504, "DEADLINE_EXCEEDED"],
    ["-1", 400, "INVALID_TIMEOUT"],
    ["1e3", 400, "INVALID_TIMEOUT"],
    ["86400001", 400, "TIMEOUT_TOO_LONG"],
  ])("connect-timeout-ms %s is %d", async (timeout, status, reason) => {
    const answer = await post(JSON.stringify(TURN), { "connect-timeout-ms": timeout });
    expect(answer).toMatchObject({ status, reason });
  });

  test.each([
    ["text/plain", EXECUTE],
    ["application/xml", EXECUTE],
    ["application/grpc-web-text", EXECUTE],
    ["application/connect+json", EXECUTE],
    ["application/json", STREAM_EXECUTE],
  ])("%s for %s is 415 and says what is served", async (type, path) => {
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": type },
      body: "{}",
    });
    expect(response.status).toBe(415);
    expect(response.headers.get("accept-post")).toContain("application/grpc");
    expect(await response.json()).toMatchObject({ message: expect.stringContaining(type) });
  });

  test("an RPC is called with POST only", async () => {
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
      const response = await fetch(`${server.url}${EXECUTE}`, { method });
      expect(response.status).toBe(405);
      expect(response.headers.get("allow")).toBe("POST");
    }
  });
});
