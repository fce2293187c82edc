import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "./test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.server.stop());

test("GET / says how to call", async () => {
  const response = await fetch(server.url);
  expect(response.status).toBe(200);
  expect(await response.text()).toContain("agentlane.v1.AgentService/Execute");
});

test("/healthz tells life, /readyz readiness", async () => {
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  server.readiness.lack("store", "worker");
  const response = await fetch(`${server.url}/readyz`);
  expect(response.status).toBe(503);
  expect(await response.text()).toBe("not ready: the store is away; the worker is away\n");
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  server.readiness.lack();
});

test("what does not exist is 404, what is only read is 405", async () => {
  const page = await fetch(`${server.url}/favicon.ico`);
  expect(page.status).toBe(404);
  expect(await page.json()).toMatchObject({ code: "not_found" });
  const rpc = await fetch(`${server.url}/agentlane.v1.AgentService/Nope`, { method: "POST" });
  expect(rpc.status).toBe(404);
  expect(await rpc.json()).toMatchObject({ code: "unimplemented" });
  const write = await fetch(`${server.url}/healthz`, { method: "POST" });
  expect(write.status).toBe(405);
  expect(write.headers.get("allow")).toBe("GET, HEAD");
});
