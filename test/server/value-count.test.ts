/** How much a request may hold: many small values cost hundreds of times their bytes in memory. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ListValueSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { MAX_VALUE_COUNT } from "../../src/server/json-size.ts";
import { callGrpc, EXECUTE, enveloped, postJson } from "./raw.ts";
import { startTestServer } from "./test-server.ts";

const LIMIT = MAX_VALUE_COUNT;

/** A list value of `count` values that say nothing, as an `input`. */
function binaryInput(count: number): Uint8Array {
  const head = create(ExecuteRequestSchema, { agentId: "echo" });
  const list = field(ValueSchema.field.listValue.number, emptyValues(count));
  const input = field(ExecuteRequestSchema.field.input.number, list);
  expect(ListValueSchema.field.values.number).toBe(1);
  return Buffer.concat([toBinary(ExecuteRequestSchema, head), input]);
}

function emptyValues(count: number): Buffer {
  const values = Buffer.alloc(2 * count);
  for (let at = 0; at < values.length; at += 2) values[at] = 0x0a;
  return values;
}

function field(number: number, content: Uint8Array): Buffer {
  const length: number[] = [];
  for (let left = content.length; ; left >>>= 7) {
    if (left < 0x80) {
      length.push(left);
      break;
    }
    length.push((left & 0x7f) | 0x80);
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), content]);
}

test("a binary request of too many values is refused before they are built", async () => {
  const { server, port, manager } = await startTestServer();
  const { error } = await callGrpc(port, EXECUTE, enveloped(binaryInput(2 * LIMIT)));
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "TOO_MANY_VALUES" });
  expect(manager.runs).toHaveLength(0);
  await server.stop();
});

test("values beyond the end of what holds them are not smuggled past the count", async () => {
  const { server, port, manager } = await startTestServer();
  const list = field(ValueSchema.field.listValue.number, emptyValues(2 * LIMIT));
  // The input ends behind the list's tag and length; a decoder that trusts the list reads on.
  const input = Buffer.from([(ExecuteRequestSchema.field.input.number << 3) | 2, 4]);
  const head = toBinary(ExecuteRequestSchema, create(ExecuteRequestSchema, { agentId: "echo" }));
  const body = Buffer.concat([head, input, list]);
  const { error } = await callGrpc(port, EXECUTE, enveloped(body));
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "MALFORMED_REQUEST" });
  expect(manager.runs).toHaveLength(0);
  await server.stop();
});

test.each(["[0,0]", "[[],[]]", '{"a":0,"b":0}'])(
  "JSON of too many values is refused (%s)",
  async (item) => {
    const { server, url, manager } = await startTestServer();
    const items = Array.from({ length: LIMIT / 2 + 1 }, () => item).join();
    const body = `{"agent_id":"echo","input":[${items}]}`;
    const error = await postJson(url, EXECUTE, body);
    expect(error).toMatchObject({ code: "invalid_argument", reason: "TOO_MANY_VALUES" });
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"model":"echo","messages":[${items}]}`,
    });
    expect(await response.json()).toMatchObject({ error: { code: "too_many_values" } });
    expect(manager.runs).toHaveLength(0);
    await server.stop();
  },
);

test("a large request of few values, and many commas in a text, are fine", async () => {
  const { server, url, port } = await startTestServer();
  const text = ",[{".repeat(LIMIT);
  const request = { agent_id: "echo", messages: [{ role: "ROLE_USER", content: [{ text }] }] };
  const response = await fetch(`${url}${EXECUTE}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  expect(response.status).toBe(200);
  const message = { role: 1, content: [{ part: { case: "text" as const, value: text } }] };
  const binary = create(ExecuteRequestSchema, { agentId: "echo", messages: [message] });
  const answer = await callGrpc(port, EXECUTE, enveloped(toBinary(ExecuteRequestSchema, binary)));
  expect(answer.error).toBeUndefined();
  await server.stop();
});
