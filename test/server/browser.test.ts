/** Browsers: what every answer tells them, and pages that call through them. */
import { request as requestHttp } from "node:http";
import { expect, test } from "vitest";
import { ANYBODY } from "../../src/tasks/principal.ts";
import { EXECUTE } from "./raw.ts";
import { startTestServer, type TestServerOptions } from "./test-server.ts";

const BODY = '{"agent_id":"echo","messages":[{"role":"ROLE_USER","content":[{"text":"hello"}]}]}';
const CHAT = '{"model":"echo","messages":[{"role":"user","content":"hello"}]}';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** With any Host header, which fetch would not send. */
function call(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
  body = "",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = requestHttp({ port, host: "127.0.0.1", method, path, headers }, (response) => {
      response
        .resume()
        .once("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers }),
        );
    });
    request.once("error", reject);
    request.end(body);
  });
}

const json = { "content-type": "application/json" };

test.each([
  ["a call", "POST", EXECUTE, json, BODY],
  ["a refused call", "POST", EXECUTE, json, "{"],
  ["a chat", "POST", "/v1/chat/completions", json, CHAT],
  ["a refused chat", "POST", "/v1/chat/completions", json, "{"],
  ["models", "GET", "/v1/models", {}, ""],
  ["the front page", "GET", "/", {}, ""],
  ["health", "GET", "/healthz", {}, ""],
  ["nothing", "GET", "/<script>alert(1)</script>", {}, ""],
  ["another method", "GET", EXECUTE, {}, ""],
  ["another type", "POST", EXECUTE, { "content-type": "text/plain" }, BODY],
])(
  "%s tells the browser to guess nothing and to show it nowhere",
  async (_, method, path, headers, body) => {
    const { server, port } = await startTestServer();
    const answer = await call(port, method, path, headers, body);
    expect(answer.headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
    });
    expect(String(answer.headers["content-type"])).not.toContain("html");
    expect(answer.headers["set-cookie"]).toBeUndefined();
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    expect(answer.headers.server ?? answer.headers["x-powered-by"]).toBeUndefined();
    await server.stop();
  },
);

test.each([
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "",
])("what a form can send reaches no agent: %s", async (type) => {
  const { server, port, manager } = await startTestServer();
  const headers: Record<string, string> = type === "" ? {} : { "content-type": type };
  for (const [path, body] of [
    [EXECUTE, BODY],
    ["/v1/chat/completions", CHAT],
  ] as const) {
    expect((await call(port, "POST", path, headers, body)).status).toBe(415);
  }
  expect(manager.runs).toHaveLength(0);
  await server.stop();
});

async function rebound(
  headers: Record<string, string>,
  overrides: TestServerOptions = {},
): Promise<number> {
  const { server, port } = await startTestServer(overrides);
  const { status } = await call(port, "POST", EXECUTE, { ...json, ...headers }, BODY);
  await server.stop();
  return status;
}

const PAGE = { host: "evil.example.com:50051", origin: "http://evil.example.com:50051" };

test("a page whose name was turned to this machine is refused", async () => {
  expect(await rebound(PAGE)).toBe(403);
  expect(await rebound({ host: PAGE.host, "sec-fetch-site": "same-origin" })).toBe(403);
  expect(await rebound({ ...PAGE, host: "localhost.evil.example.com" })).toBe(403);
});

test("a page of this machine, a client of any name, and one that is named are served", async () => {
  for (const host of ["localhost:50051", "127.0.0.1:50051", "[::1]:50051"]) {
    expect(await rebound({ host, origin: `http://${host}` })).toBe(200);
  }
  expect(await rebound({ host: "agentlane.internal" })).toBe(200);
  expect(await rebound(PAGE, { options: { corsOrigins: [PAGE.origin] } })).toBe(200);
});

test("where callers show credentials, any name will do", async () => {
  const authenticate = () => ({ principal: ANYBODY });
  expect(await rebound(PAGE, { parts: { authenticate } })).toBe(200);
});
