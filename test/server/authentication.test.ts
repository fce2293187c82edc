import { afterAll, beforeAll, expect, test } from "vitest";
import { createRoutes } from "../../src/server/routes.ts";
import { principal } from "../harness/principals.ts";
import {
  callGrpc,
  EXECUTE,
  enveloped,
  executeRequest,
  openSocket,
  postJson,
  STREAM_EXECUTE,
} from "./raw.ts";
import { fakeServices, startTestServer, type TestServer } from "./test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    parts: {
      authenticate: async ({ headers }) =>
        headers.authorization === "Bearer good" ? { principal: principal("acme") } : undefined,
    },
  });
});
afterAll(() => server.server.stop());

test("the tenant comes from the credentials", async () => {
  const body = enveloped(executeRequest("echo"));
  const { error } = await callGrpc(server.port, EXECUTE, body, { authorization: "Bearer good" });
  expect(error).toBeUndefined();
  expect(server.manager.runs.at(-1)?.principal).toEqual(principal("acme"));
});

test("every RPC refuses a caller without valid credentials", async () => {
  const routes = createRoutes({ ...fakeServices(), readiness: server.readiness });
  expect(routes.size).toBeGreaterThan(25);
  for (const path of routes.keys()) {
    if (path === "/grpc.health.v1.Health/Check") continue;
    for (const headers of [{}, { authorization: "Bearer bad" }]) {
      const { error } = await callGrpc(server.port, path, enveloped(Buffer.alloc(0)), headers);
      expect(error).toMatchObject({ code: "UNAUTHENTICATED", reason: "UNAUTHENTICATED" });
    }
  }
});

test("a refused caller's body is not read", async () => {
  const answer = await postJson(server.url, EXECUTE, "{ no json");
  expect(answer).toMatchObject({ status: 401, code: "unauthenticated" });
  // Answered while the body is still on its way.
  const { socket, closed } = await openSocket(
    server.port,
    `POST ${STREAM_EXECUTE} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n` +
      "content-type: application/connect+json\r\ncontent-length: 4000000\r\n\r\n{",
  );
  expect(await closed).toContain("unauthenticated");
  socket.destroy();
});

test("pages for probes need no credentials", async () => {
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
});
