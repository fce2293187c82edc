/** What is wrong with a request is said in OpenAI's form, and names the parameter. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failure, postChat, readEvents, user } from "./openai-harness.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

let server: TestServer;
let v1: string;
beforeAll(async () => {
  server = await startTestServer();
  v1 = `${server.url}/v1`;
});
afterAll(async () => {
  await server.manager.idle();
  await server.server.stop();
  expect(server.errors).toHaveLength(1);
});

const messages = [user("hi")];
const turn = { model: "echo", messages };
const saying = (content: unknown) => ({ model: "echo", messages: [user(content)] });
const part = (value: object) => saying([value]);
const image = (url: unknown) => part({ type: "image_url", image_url: { url } });
const file = (value: unknown) => part({ type: "file", file: value });
const calling = (call: unknown) => ({
  model: "echo",
  messages: [{ role: "assistant", tool_calls: [call] }, user("x")],
});
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

describe("a body", () => {
  test.each<[string, unknown, string | null, string?]>([
    ["no object", [], null, "malformed_request"],
    ["not JSON", '{"model":', null, "malformed_request"],
    ["empty", "", null, "malformed_request"],
    ["too deep", `{"model":"echo","x":${nested(64)}}`, null, "too_deep"],
    ["without model", { messages }, "model"],
    ["model is no string", { ...turn, model: 5 }, "model"],
    ["without messages", { model: "echo" }, "messages"],
    ["messages is no list", { model: "echo", messages: {} }, "messages"],
    ["no message", { model: "echo", messages: [] }, "messages"],
    ["a thousand and one", { model: "echo", messages: Array(1001).fill(user("x")) }, "messages"],
    ["a message is no object", { model: "echo", messages: ["x"] }, "messages[0]"],
    ["no role", { model: "echo", messages: [{ content: "x" }] }, "messages[0].role"],
    ["an unknown role", { model: "echo", messages: [{ role: "x" }] }, "messages[0].role"],
    ["system", { model: "echo", messages: [{ role: "system", content: "x" }] }, "messages[0].role"],
    [
      "developer",
      { model: "echo", messages: [user("x"), { role: "developer", content: "x" }] },
      "messages[1].role",
    ],
    ["no content", saying(undefined), "messages[0].content"],
    ["content is null", saying(null), "messages[0].content"],
    ["content is a number", saying(1), "messages[0].content"],
    ["content is empty", saying(""), "messages[0].content"],
    ["too many parts", saying(Array(257).fill({ type: "text", text: "x" })), "messages[0].content"],
    ["a part is no object", saying([1]), "messages[0].content[0]"],
    ["text is no text", part({ type: "text", text: 1 }), "messages[0].content[0].text"],
    ["audio", part({ type: "input_audio", input_audio: {} }), "messages[0].content[0].type"],
    ["no image", part({ type: "image_url" }), "messages[0].content[0].image_url"],
    ["http image", image("http://10.0.0.1/a.png"), "messages[0].content[0].image_url.url"],
    ["file image", image("file:///etc/passwd"), "messages[0].content[0].image_url.url"],
    ["long url", image(`https://x/${"x".repeat(8192)}`), "messages[0].content[0].image_url.url"],
    ["no base64", image("data:image/png,abc"), "messages[0].content[0].image_url.url"],
    ["bad base64", image("data:image/png;base64,%%"), "messages[0].content[0].image_url.url"],
    ["file url", file({ file_data: "https://x/y" }), "messages[0].content[0].file.file_data"],
    ["empty file id", file({ file_id: "" }), "messages[0].content[0].file.file_id"],
    ["a call without a type", calling({}), "messages[0].tool_calls[0].type"],
    [
      "arguments that are no JSON",
      calling({ type: "function", id: "c", function: { name: "f", arguments: "{" } }),
      "messages[0].tool_calls[0].function.arguments",
    ],
    ["n", { ...turn, n: 2 }, "n"],
    ["tools", { ...turn, tools: [{ type: "function" }] }, "tools"],
    ["functions", { ...turn, functions: [{}] }, "functions"],
    ["modalities", { ...turn, modalities: ["text", "audio"] }, "modalities[1]"],
    ["stream", { ...turn, stream: "yes" }, "stream"],
    ["stream_options", { ...turn, stream: true, stream_options: 1 }, "stream_options"],
    ["temperature", { ...turn, temperature: 3 }, "temperature"],
    ["max_tokens", { ...turn, max_tokens: 1.5 }, "max_tokens"],
    ["stop", { ...turn, stop: [1] }, "stop[0]"],
    ["response_format", { ...turn, response_format: "json" }, "response_format"],
    ["user", { ...turn, user: 7 }, "user"],
    ["metadata is a list", { ...turn, metadata: [] }, "metadata"],
    ["metadata", { ...turn, metadata: "x" }, "metadata"],
    ["a label", { ...turn, metadata: { a: 1 } }, "metadata.a"],
    ["__proto__", '{"model":"echo","messages":[],"__proto__":{"stream":true}}', "messages"],
    [
      "a label __proto__",
      '{"model":"echo","messages":[{"role":"user","content":"x"}],"metadata":{"__proto__":"x"}}',
      "metadata.__proto__",
    ],
  ])("%s", async (_, body, param, code = "invalid_field") => {
    expect(await failure(await postChat(v1, body))).toMatchObject({
      status: 400,
      type: "invalid_request_error",
      param,
      code,
    });
    expect(server.manager.runs).toHaveLength(0);
  });

  test("that ends with an answer, in a session", async () => {
    const body = { model: "echo", user: "s1", messages: [{ role: "assistant", content: "x" }] };
    expect(await failure(await postChat(v1, body))).toMatchObject({
      status: 400,
      param: "messages",
    });
  });

  test("with the result of a tool, in a session", async () => {
    const tool = { role: "tool", tool_call_id: "c1", content: "x" };
    const body = { model: "echo", user: "s1", messages: [user("x"), tool] };
    expect(await failure(await postChat(v1, body))).toMatchObject({
      status: 400,
      param: "messages[1].role",
    });
  });

  test("a long idempotency key", async () => {
    const response = await postChat(v1, turn, { "idempotency-key": "k".repeat(257) });
    expect(await failure(response)).toMatchObject({ status: 400, param: "idempotency-key" });
  });
});

test("no text of a request gets into headers", async () => {
  const body = { model: "echo\r\nx-evil: 1", messages: [user("x\r\nx-evil: 1")] };
  const response = await postChat(v1, body);
  expect(response.headers.has("x-evil")).toBe(false);
  expect(await failure(response)).toMatchObject({ status: 404, code: "model_not_found" });
});

test("an error of our own tells nothing", async () => {
  const told = await failure(await postChat(v1, { ...turn, model: "broken" }));
  expect(told).toEqual({
    status: 500,
    message: "internal error",
    type: "server_error",
    param: null,
    code: "internal",
  });
});

test("a full queue says when to come back", async () => {
  const response = await postChat(v1, { ...turn, model: "full" });
  expect(response.headers.get("retry-after")).toBe("3");
  expect(response.headers.get("retry-after-ms")).toBe("2500");
  expect(response.headers.has("x-should-retry")).toBe(false);
  expect(await failure(response)).toMatchObject({
    status: 429,
    type: "rate_limit_error",
    code: "queue_full",
  });
});

describe("HTTP", () => {
  test.each([
    ["POST", "/v1/completions", 404, "unknown_url"],
    ["GET", "/v1/", 404, "unknown_url"],
    ["GET", "/v1/chat/completions", 405, "method_not_allowed"],
    ["OPTIONS", "/v1/chat/completions", 405, "method_not_allowed"],
    ["POST", "/v1/models", 405, "method_not_allowed"],
    ["DELETE", "/v1/models/echo", 405, "method_not_allowed"],
  ])("%s %s is %i", async (method, path, status, code) => {
    const response = await fetch(server.url + path, { method, headers: { origin: "http://evil" } });
    const corsHeaders = [...response.headers.keys()].filter((name) => name.startsWith("access-"));
    expect(corsHeaders).toEqual([]);
    expect(await failure(response)).toMatchObject({ status, code });
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""])(
    "content-type %s, which a page of another origin may send, is refused",
    async (type) => {
      const response = await postChat(v1, turn, { "content-type": type });
      expect(await failure(response)).toMatchObject({
        status: 415,
        code: "unsupported_media_type",
      });
    },
  );

  test("a content-type with a charset is taken", async () => {
    const type = { "content-type": "Application/JSON; charset=utf-8" };
    expect((await postChat(v1, turn, type)).status).toBe(200);
  });

  test("a compressed body is read, within the limit", async () => {
    const gzip = (body: string) =>
      fetch(`${v1}/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", "content-encoding": "gzip" },
        body: gzipSync(body),
      });
    expect((await gzip(JSON.stringify(turn))).status).toBe(200);
    const bomb = JSON.stringify(saying("x".repeat(8_000_000)));
    expect(await failure(await gzip(bomb))).toMatchObject({
      status: 413,
      code: "message_too_large",
    });
    const unknown = await postChat(v1, turn, { "content-encoding": "zstd" });
    expect(await failure(unknown)).toMatchObject({ status: 415, code: "unknown_compression" });
  });

  test("a body over the limit is 413", async () => {
    const body = JSON.stringify(saying("x".repeat(4_200_000)));
    expect(await failure(await postChat(v1, body))).toMatchObject({ status: 413 });
  });

  test("a reply over the limit is no answer", async () => {
    const response = await postChat(v1, { ...turn, model: "large" });
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(await failure(response)).toMatchObject({ status: 500, code: "reply_too_large" });
    const stream = await postChat(v1, { ...turn, model: "large", stream: true });
    expect(await failure(stream)).toMatchObject({ status: 500, code: "reply_too_large" });
  });

  test("a stream of many tokens arrives whole", async () => {
    const response = await postChat(v1, { ...turn, model: "tokens", stream: true });
    const { text, done } = readEvents(await response.text());
    expect(done).toBe(true);
    expect(text.startsWith("token 0 token 1 ")).toBe(true);
    expect(text).toContain("token 999 ");
  });
});
