/** Pages of other origins. */
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { startTestServer, type TestServer } from "./test-server.ts";

const PAGE = "https://app.example.com";
const EXECUTE = "/agentlane.v1.AgentService/Execute";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ options: { corsOrigins: [PAGE] } });
});
afterAll(() => server.server.stop());

function ask(origin: string, path = EXECUTE, url = server.url): Promise<Response> {
  const headers = {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,x-grpc-web,authorization",
  };
  return fetch(`${url}${path}`, { method: "OPTIONS", headers });
}

test.each([EXECUTE, "/v1/chat/completions"])("of a named origin may call %s", async (path) => {
  const response = await ask(PAGE, path);
  expect(response.status).toBe(204);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "access-control-allow-origin": PAGE,
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "content-type,x-grpc-web,authorization",
    vary: "origin",
  });
});

test("get what their origin may read of a reply", async () => {
  const headers: Headers[] = [];
  const transport = createGrpcWebTransport({
    baseUrl: server.url,
    fetch: async (input, init) => {
      const withOrigin = new Headers(init?.headers);
      withOrigin.set("origin", PAGE);
      const response = await fetch(input, { ...init, headers: withOrigin });
      headers.push(response.headers);
      return response;
    },
  });
  const call = createClient(AgentService, transport).execute({ agentId: "" });
  await expect(call).rejects.toMatchObject({ code: 3 });
  expect(headers[0]?.get("access-control-allow-origin")).toBe(PAGE);
  expect(headers[0]?.get("access-control-expose-headers")).toMatch(/grpc-status-details-bin/i);
});

test.each(["https://evil.example.com", "https://app.example.com.evil.com", "null"])(
  "of %s get nothing",
  async (origin) => {
    const response = await ask(origin);
    expect(response.status).toBe(405);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect(response.headers.get("vary")).toBe("origin");
  },
);

test("get nothing where no origin is named", async () => {
  const other = await startTestServer();
  try {
    const response = await ask(PAGE, EXECUTE, other.url);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  } finally {
    await other.server.stop();
  }
});
