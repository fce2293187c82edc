import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../server/test-server.ts";
import type { InteropClient } from "./client.ts";
import { libraryClients } from "./library-clients.ts";
import { bufCurlClients, findGrpcurl, grpcurlClient, run } from "./program-clients.ts";
import { commonScenarios, fakeScenarios } from "./scenarios.ts";

const grpcurl = findGrpcurl();

/** Clients are made per server; their names are known before. */
function clientsFor(url: string): InteropClient[] {
  const clients = [...libraryClients(url), ...bufCurlClients(url)];
  return grpcurl ? [...clients, grpcurlClient(url, grpcurl)] : clients;
}

const all = clientsFor("http://127.0.0.1:1");

describe.each([
  { path: "native", nativeGrpc: true, kinds: all },
  {
    path: "Connect",
    nativeGrpc: false,
    // For the other protocols nothing changes.
    kinds: all.filter(({ binaryGrpc }) => binaryGrpc),
  },
])("binary gRPC on the $path path", ({ nativeGrpc, kinds }) => {
  let server: TestServer;
  let clients: InteropClient[];

  beforeAll(async () => {
    server = await startTestServer({ options: { nativeGrpc } });
    clients = clientsFor(server.url);
  });
  afterAll(async () => {
    for (const client of clients) await client.close();
    await server.manager.idle();
    await server.server.stop();
    expect(server.server.connectionCount).toBe(0);
  });

  describe.concurrent.each(kinds)("$name", ({ name, lacks }) => {
    const scenarios = [...commonScenarios, ...fakeScenarios].filter(
      ({ needs }) => !needs.some((need) => lacks.includes(need)),
    );
    test.each(scenarios)("$name", async (scenario) => {
      const client = clients.find((candidate) => candidate.name === name);
      if (!client) throw new Error(`no client ${name}`);
      await scenario.run(client);
    });
  });

  test.skipIf(!grpcurl && !process.env.CI)("grpcurl lists and describes", async () => {
    const address = new URL(server.url).host;
    const grpcurlPrints = async (...args: string[]): Promise<string> =>
      (await run(grpcurl ?? "grpcurl", ["-plaintext", address, ...args])).stdout;
    expect((await grpcurlPrints("list")).split("\n")).toContain("agentlane.v1.AgentService");
    const execute = await grpcurlPrints("describe", "agentlane.v1.AgentService.Execute");
    expect(execute).toContain("ExecuteRequest");
    const badRequest = await grpcurlPrints("describe", "google.rpc.BadRequest");
    expect(badRequest).toContain("field_violations");
    const rules = await grpcurlPrints("describe", "buf.validate.FieldRules");
    expect(rules).toContain("message FieldRules");
  });
});
