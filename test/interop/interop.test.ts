/** Every client sees the same, on both paths of binary gRPC, with a fake behind the server. */
import { describe, expect, test } from "vitest";
import { startTestServer } from "../server/test-server.ts";
import { run } from "./program-clients.ts";
import { commonScenarios, fakeScenarios } from "./scenarios.ts";
import { allClients, grpcurl, interopSuite } from "./suite.ts";

describe.each([
  { path: "native", nativeGrpc: true, kinds: allClients },
  {
    path: "Connect",
    nativeGrpc: false,
    // For the other protocols nothing changes.
    kinds: allClients.filter(({ binaryGrpc }) => binaryGrpc),
  },
])("binary gRPC on the $path path", ({ nativeGrpc, kinds }) => {
  const start = async () => {
    const { server, manager, url } = await startTestServer({ options: { nativeGrpc } });
    const stop = async (): Promise<void> => {
      await manager.idle();
      await server.stop();
      expect(server.connectionCount).toBe(0);
    };
    return { url, stop };
  };
  interopSuite(start, kinds, [...commonScenarios, ...fakeScenarios], (url) => {
    test.skipIf(!grpcurl && !process.env.CI)("grpcurl lists and describes", async () => {
      const address = new URL(url()).host;
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
});
