import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { connect as connectTls } from "node:tls";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { type Certificates, createCertificates } from "./certificates.ts";
import { openSocket } from "./raw.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

let certificates: Certificates;
let server: TestServer;
let mutual: TestServer;

beforeAll(async () => {
  certificates = createCertificates();
  const { server: own, ca } = certificates;
  server = await startTestServer({ options: { tls: own } });
  mutual = await startTestServer({ options: { tls: { ...own, clientCa: ca } } });
});
afterAll(async () => {
  for (const { server: running } of [server, mutual]) {
    await running.stop();
    expect(running.connectionCount).toBe(0);
  }
});

const turn = {
  agentId: "echo",
  messages: [{ role: Role.USER, content: [{ part: { case: "text" as const, value: "hello" } }] }],
};

function overHttp2(url: string, client?: { cert: string; key: string }) {
  const nodeOptions = { ca: certificates.ca, ...client };
  return createClient(AgentService, createGrpcTransport({ baseUrl: url, nodeOptions }));
}

test("gRPC over HTTP/2 and Connect over HTTP/1.1 share the port", async () => {
  const grpc = await overHttp2(server.url).execute(turn);
  const nodeOptions = { ca: certificates.ca };
  const transport = createConnectTransport({
    httpVersion: "1.1",
    baseUrl: server.url,
    nodeOptions,
  });
  const connect = await createClient(AgentService, transport).execute(turn);
  expect(connect.result).toEqual(grpc.result);
});

test("plain HTTP/1.1 pages are served", async () => {
  const page = request(`${server.url}/healthz`, { ca: certificates.ca, agent: false });
  page.end();
  const [response] = await once(page, "response");
  expect(response.statusCode).toBe(200);
  response.resume();
  await once(response, "end");
});

test("h2 is what ALPN chooses", async () => {
  const session = connectHttp2(server.url, { ca: certificates.ca });
  await once(session, "connect");
  expect(session.alpnProtocol).toBe("h2");
  session.destroy();
});

test("cleartext to a TLS port is closed", async () => {
  const { closed } = await openSocket(server.port, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  expect(await closed).not.toContain("200 OK");
});

test("with a client CA only its certificates are let in", async () => {
  const allowed = await overHttp2(mutual.url, certificates.client).execute(turn);
  expect(allowed.sessionId).toBe("");
  const refused = overHttp2(mutual.url).execute(turn);
  await expect(refused).rejects.toThrow(ConnectError);
  const stranger = createCertificates().client;
  await expect(overHttp2(mutual.url, stranger).execute(turn)).rejects.toThrow(ConnectError);
});

test("a handshake that never comes is cut off", async () => {
  const { server: own } = certificates;
  const impatient = await startTestServer({ options: { tls: own, headerTimeoutMs: 100 } });
  const silent = await openSocket(impatient.port);
  await silent.closed;
  const talker = connectTls({ port: impatient.port, ca: certificates.ca, host: "localhost" });
  talker.on("error", () => undefined);
  await once(talker, "close");
  await impatient.server.stop();
});
